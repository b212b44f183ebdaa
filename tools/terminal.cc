// SPDX-License-Identifier: Apache-2.0
// The only place that looks at the environment and at what the standard streams are.
#include "terminal.h"

#include <fcntl.h>
#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
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

bool wants_color(Color color) {
  if (color != Color::kAuto) return color == Color::kAlways;
  return environment("NO_COLOR").empty() && environment("TERM") != "dumb" && isatty(STDOUT_FILENO) == 1;
}

int width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsualWidth;
  return std::clamp<int>(size.ws_col, kNarrowest, kUsualWidth);
}

}  // namespace

void secure_standard_streams() {
  std::signal(SIGPIPE, SIG_IGN);
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) >= 0) continue;
    // The lowest free descriptor is taken, which is this one.
    open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

TextOptions text_options(const OutputOptions& output) {
  TextOptions options;
  options.color = wants_color(output.color);
  options.utf8 = std::string_view(nl_langinfo(CODESET)) == "UTF-8";
  options.width_columns = width();
  options.verbose = output.verbose;
  options.quiet = output.quiet;
  return options;
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

Progress::Progress(bool wanted) : enabled_(wanted && isatty(STDERR_FILENO) == 1 && environment("TERM") != "dumb") {}

void Progress::show(const std::string& text) {
  if (!enabled_ || std::chrono::steady_clock::now() - started_ < kQuiet) return;
  shown_ = true;
  std::fprintf(stderr, "\r\x1b[K%s ...", shorten(escape_controls(text), 70).c_str());
}

void Progress::finish() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
  shown_ = false;
}

}  // namespace vpndoctor
