// SPDX-License-Identifier: Apache-2.0
// Reads OpenVPN's options; see the header. Quoting as in options_util.c: single, double, backslash, # and ; comments.
#include "vpndoctor/openvpn_options.h"

#include <charconv>
#include <optional>
#include <span>

namespace vpndoctor {
namespace {

constexpr std::uint16_t kDefaultPort = 1194;

/// A remote with what it left open, until all options were seen.
struct OpenRemote {
  std::string host;
  std::optional<std::uint16_t> port;
  std::optional<bool> tcp;
};

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port != 0 ? std::optional(port) : std::nullopt;
}

bool is_tcp(std::string_view protocol) { return protocol.starts_with("tcp"); }

class Collector {
 public:
  void take(std::span<const std::string> words) {
    if (words.size() < 2) return;
    const std::string& name = words[0];
    if (name == "remote") take_remote(words);
    if (name == "port" || name == "rport") port_ = parse_port(words[1]);
    if (name == "proto") tcp_ = is_tcp(words[1]);
    if (name == "config") options_.configs.push_back(words[1]);
    if (name == "cd") options_.directory = words[1];
  }

  /// A collector that begins with what was said so far for all remotes.
  Collector inheriting() const {
    Collector collector;
    collector.port_ = port_;
    collector.tcp_ = tcp_;
    return collector;
  }

  /// Fills in what the remotes left open with what is said for all of them.
  OpenvpnOptions result() && {
    for (OpenRemote& remote : remotes_) {
      options_.remotes.push_back({std::move(remote.host), remote.port.value_or(port_.value_or(kDefaultPort)),
                                  remote.tcp.value_or(tcp_.value_or(false))});
    }
    return std::move(options_);
  }

 private:
  void take_remote(std::span<const std::string> words) {
    OpenRemote remote{words[1], std::nullopt, std::nullopt};
    if (words.size() > 2) remote.port = parse_port(words[2]);
    if (words.size() > 3) remote.tcp = is_tcp(words[3]);
    remotes_.push_back(std::move(remote));
  }

  OpenvpnOptions options_;
  std::vector<OpenRemote> remotes_;
  std::optional<std::uint16_t> port_;
  std::optional<bool> tcp_;
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/// Takes one word off the front of `rest`, which does not begin with space.
std::string take_word(std::string_view& rest) {
  std::string word;
  char quote = 0;
  std::size_t at = 0;
  for (; at < rest.size(); ++at) {
    const char c = rest[at];
    if (quote == 0 && is_space(c)) break;
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else if (c == '\\' && quote != '\'' && at + 1 < rest.size()) {
      word.push_back(rest[++at]);
    } else {
      word.push_back(c);
    }
  }
  rest.remove_prefix(at);
  return word;
}

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty()) {
    if (is_space(line.front())) {
      line.remove_prefix(1);
    } else if (line.front() == '#' || line.front() == ';') {
      break;
    } else {
      words.push_back(take_word(line));
    }
  }
  return words;
}

std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

/// "<ca>" opens a block of foreign text; its name, or empty when the line opens none.
std::string inline_block(const std::vector<std::string>& words) {
  if (words.size() != 1 || words[0].size() < 3 || words[0][0] != '<' || words[0][1] == '/') return {};
  return words[0].back() == '>' ? words[0].substr(1, words[0].size() - 2) : std::string();
}

void skip_block(std::string_view& text, const std::string& name) {
  const std::string end = "</" + name + ">";
  while (!text.empty()) {
    std::string_view line = take_line(text);
    while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
    if (line.starts_with(end)) return;
  }
}

OpenvpnOptions parse_connection(std::string_view& text, Collector collector) {
  while (!text.empty()) {
    const auto words = words_of(take_line(text));
    if (words.size() == 1 && words[0] == "</connection>") break;
    collector.take(words);
  }
  return std::move(collector).result();
}

}  // namespace

OpenvpnOptions parse_openvpn_arguments(const std::vector<std::string>& arguments) {
  Collector collector;
  // A single argument that is no option is a configuration file.
  if (arguments.size() == 2 && !arguments[1].starts_with("--")) {
    const std::vector<std::string> config{"config", arguments[1]};
    collector.take(config);
  }
  for (std::size_t at = 1; at < arguments.size(); ++at) {
    if (!arguments[at].starts_with("--")) continue;
    std::vector<std::string> words{arguments[at].substr(2)};
    while (at + 1 < arguments.size() && !arguments[at + 1].starts_with("--")) words.push_back(arguments[++at]);
    collector.take(words);
  }
  return std::move(collector).result();
}

OpenvpnOptions parse_openvpn_config(std::string_view text) {
  Collector collector;
  std::vector<OpenvpnRemote> connections;
  while (!text.empty()) {
    const auto words = words_of(take_line(text));
    const std::string block = inline_block(words);
    if (block == "connection") {
      for (OpenvpnRemote& remote : parse_connection(text, collector.inheriting()).remotes)
        connections.push_back(std::move(remote));
    } else if (!block.empty()) {
      skip_block(text, block);
    } else {
      collector.take(words);
    }
  }
  OpenvpnOptions options = std::move(collector).result();
  // OpenVPN ignores global remotes once there is a <connection>.
  if (!connections.empty()) options.remotes = std::move(connections);
  return options;
}

}  // namespace vpndoctor
