// SPDX-License-Identifier: Apache-2.0
// Reads lines with poll(), so that an interrupt ends a wait for standard input.
#include "line_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kChunk = 1U << 16U;

}  // namespace

Result<LineReader> LineReader::open(const std::string& file, std::size_t longest) {
  if (file == "-") return LineReader(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3), longest);
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return failure(ErrorKind::kUsage, fmt::format("cannot read {}: {}", in_quotes(file), std::strerror(errno)),
                   "give a file with one flow a line, or - for standard input");
  }
  return LineReader(descriptor, longest);
}

LineReader::~LineReader() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

LineReader::LineReader(LineReader&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      longest_(other.longest_),
      interrupt_(other.interrupt_),
      buffer_(std::move(other.buffer_)),
      at_(other.at_),
      number_(other.number_) {}

std::optional<Result<std::string_view>> LineReader::next() {
  std::size_t skipped = 0;  // bytes of a line that is too long, of which nothing is kept
  std::size_t end = buffer_.find('\n', at_);
  while (end == std::string::npos) {
    if (buffer_.size() - at_ > longest_) {
      skipped += buffer_.size() - at_;
      at_ = buffer_.size();
    }
    if (!fill()) break;
    end = buffer_.find('\n', at_);
  }
  if (end == std::string::npos && at_ == buffer_.size() && skipped == 0) return std::nullopt;
  ++number_;
  const std::size_t from = std::exchange(at_, end == std::string::npos ? buffer_.size() : end + 1);
  const std::string_view line = std::string_view(buffer_).substr(from, end == std::string::npos ? end : end - from);
  if (skipped + line.size() > longest_) {
    return failure(ErrorKind::kUsage, fmt::format("line {} is too long", number_));
  }
  if (line.find('\0') != line.npos) return failure(ErrorKind::kUsage, fmt::format("line {} holds a NUL byte", number_));
  return line;
}

bool LineReader::fill() {
  buffer_.erase(0, at_);
  at_ = 0;
  std::array<pollfd, 2> wait{{{descriptor_, POLLIN, 0}, {interrupt_, POLLIN, 0}}};
  while (::poll(wait.data(), wait.size(), -1) < 0) {
    if (errno != EINTR) return false;
  }
  if (wait[1].revents != 0) return false;
  const std::size_t size = buffer_.size();
  buffer_.resize(size + kChunk);
  ssize_t count = 0;
  do {
    count = ::read(descriptor_, buffer_.data() + size, kChunk);
  } while (count < 0 && errno == EINTR);
  buffer_.resize(size + (count > 0 ? static_cast<std::size_t>(count) : 0));
  return count > 0;
}

}  // namespace vpndoctor
