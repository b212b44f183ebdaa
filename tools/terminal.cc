// SPDX-License-Identifier: Apache-2.0
// The only place that looks at the environment and at what the standard streams are.
#include "terminal.h"

#include <fcntl.h>
#include <langinfo.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr int kUsualWidth = 80;
constexpr int kNarrowest = 40;

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view{} : value;
}

/// Any other character set gets ASCII: names of interfaces and hosts are bytes that it cannot be trusted to show.
bool is_utf8() { return std::string_view(nl_langinfo(CODESET)) == "UTF-8"; }

bool wants_color(Color color) {
  if (color != Color::kAuto) return color == Color::kAlways;
  return environment("NO_COLOR").empty() && environment("TERM") != "dumb" && isatty(STDOUT_FILENO) == 1;
}

int width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsualWidth;
  return std::clamp<int>(size.ws_col, kNarrowest, kUsualWidth);
}

/// Waits until standard output takes something, or fails; false when the user wants to stop and it still does not.
bool wait_for_reader(const Interrupt& interrupt) {
  std::array<pollfd, 2> polled{pollfd{STDOUT_FILENO, POLLOUT, 0}, pollfd{interrupt.descriptor(), POLLIN, 0}};
  while (!interrupt.happened() && poll(polled.data(), polled.size(), -1) < 0) {
    if (errno != EINTR) return true;
  }
  return polled[0].revents != 0 || poll(polled.data(), 1, static_cast<int>(kPatience.count())) != 0;
}

}  // namespace

void secure_standard_streams() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) >= 0) continue;
    // The lowest free descriptor is taken, which is this one.
    open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

TextOptions text_options(const OutputOptions& output) {
  TextOptions options;
  options.color = wants_color(output.color);
  options.utf8 = is_utf8();
  options.width_columns = width();
  options.verbose = output.verbose;
  options.quiet = output.quiet;
  return options;
}

bool write_result(std::string_view text, const Interrupt& interrupt) {
  while (!text.empty()) {
    if (!wait_for_reader(interrupt)) {
      errno = EINTR;
      return false;
    }
    // A pipe that is ready takes so much without waiting (pipe(7)).
    const std::string_view piece = text.substr(0, PIPE_BUF);
    errno = 0;
    if (!write_result(piece)) return false;
    if (errno == EPIPE) return true;
    text.remove_prefix(piece.size());
  }
  return true;
}

bool write_result(std::string_view text) {
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = write(STDOUT_FILENO, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno == EPIPE;
    written += static_cast<std::size_t>(count);
  }
  return true;
}

int fail_to_write(int error_number) {
  constexpr int kExitInternal = 4;
  std::fprintf(stderr, "vpndoctor: cannot write the result: %s\n", std::strerror(error_number));
  return kExitInternal;
}

Progress::Progress(bool wanted) : enabled_(wanted && isatty(STDERR_FILENO) == 1 && environment("TERM") != "dumb") {}

void Progress::show(const std::string& text) {
  if (!enabled_ || std::chrono::steady_clock::now() - started_ < kQuiet) return;
  shown_ = true;
  std::fprintf(stderr, "\r\x1b[K%s ...",
               shorten(is_utf8() ? escape_controls(text) : escape_non_ascii(text), 70).c_str());
}

void Progress::finish() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
  shown_ = false;
}

}  // namespace vpndoctor
