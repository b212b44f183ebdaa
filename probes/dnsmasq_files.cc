// SPDX-License-Identifier: Apache-2.0
// Reads a dnsmasq's configuration; see the header.
#include "dnsmasq_files.h"

#include <fmt/format.h>

#include <cerrno>

#include "proc_files.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostFiles = 200;
constexpr std::size_t kMostUnreadable = 20;
constexpr const char* kMainFile = "/etc/dnsmasq.conf";  // CONFFILE of dnsmasq's config.h

std::vector<std::string> arguments_of(const std::string& process) {
  const std::string text = read_small_file(process + "/cmdline").value_or("");
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\0', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  if (!words.empty()) words.erase(words.begin());
  return words;
}

/// What must stand before a path so that it is the process's own file; empty when its root is ours, or when that is not
/// known.
std::string root_of(const std::string& process) {
  const std::string its = link_target(process + "/ns/mnt");
  if (its.empty() || its == link_target("/proc/self/ns/mnt")) return {};
  return process + "/root";
}

class ConfigurationReader {
 public:
  explicit ConfigurationReader(const std::string& process) : root_(root_of(process)) {
    DnsmasqOptions& options = files_.options;
    read_dnsmasq_arguments(arguments_of(process), options);
    if (!options.has_main_file) read_file(kMainFile, true);
  }

  /// Files lead to more files: the lists grow while they are walked.
  DnsmasqFiles read() && {
    DnsmasqOptions& options = files_.options;
    for (std::size_t file = 0, folder = 0, servers = 0;;) {
      if (file < options.files.size()) {
        read_file(std::string(options.files[file++]), false);
      } else if (folder < options.folders.size()) {
        read_folder(std::string(options.folders[folder++]));
      } else if (servers < options.server_files.size()) {
        read_file(std::string(options.server_files[servers++]), false);
      } else {
        return std::move(files_);
      }
    }
  }

 private:
  void read_file(const std::string& path, bool may_be_missing) {
    if (path == "/dev/null") return;
    if (path.front() != '/' || ++count_ > kMostFiles) return add_unreadable(path);
    const auto text = read_small_file(root_ + path);
    if (text) {
      read_dnsmasq_file(*text, files_.options);
    } else if (!may_be_missing || errno != ENOENT) {
      add_unreadable(path);
    }
  }

  void read_folder(const std::string& conf_dir) {
    const std::string folder(dnsmasq_folder(conf_dir));
    const auto entries = directory_entries(root_ + folder);
    if (!entries) return add_unreadable(folder);
    for (const std::string& entry : *entries) {
      if (is_read_by_dnsmasq(conf_dir, entry)) read_file(folder + "/" + entry, false);
    }
  }

  void add_unreadable(const std::string& path) {
    if (files_.unreadable.size() < kMostUnreadable) files_.unreadable.push_back(path);
  }

  std::string root_;
  DnsmasqFiles files_;
  std::size_t count_ = 0;
};

}  // namespace

DnsmasqFiles read_dnsmasq_configuration(pid_t pid) { return ConfigurationReader(fmt::format("/proc/{}", pid)).read(); }

}  // namespace vpndoctor
