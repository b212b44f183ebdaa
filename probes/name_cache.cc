// SPDX-License-Identifier: Apache-2.0
// Looks for nscd; see the header.
#include "name_cache.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "handles.h"
#include "vpndoctor/resolver_text.h"
#include "whole_file.h"

namespace vpndoctor {
namespace {

/// 0 when a daemon takes connections there, else the error.
int connect_error(const std::string& path) {
  sockaddr_un place{};
  place.sun_family = AF_UNIX;
  if (path.size() >= sizeof place.sun_path) return ENAMETOOLONG;
  std::memcpy(place.sun_path, path.c_str(), path.size() + 1);
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return errno;
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place) == 0 ? 0 : errno;
}

bool means_none(int error) { return error == ENOENT || error == ENOTDIR || error == ECONNREFUSED; }

}  // namespace

Observed<NameServiceCache> read_name_service_cache(const std::string& root) {
  NameServiceCache cache;
  for (const char* path : {"/run/nscd/socket", "/var/run/nscd/socket"}) {
    const int error = connect_error(root + path);
    // A queue that is full is one of a daemon that runs.
    cache.runs = error == 0 || error == EAGAIN;
    if (cache.runs) break;
    if (means_none(error)) continue;
    return Observed<NameServiceCache>::missing(fmt::format("{}: {}", path, std::strerror(error)));
  }
  const WholeFile text = read_whole_file(root, "/etc/nscd.conf");
  cache.caches_hosts = cache.runs && text.content && caches_hosts(*text.content);
  Observed<NameServiceCache> observed(cache, "nscd's socket and /etc/nscd.conf");
  if (cache.runs && !text.content) observed.add_limit(text.why_missing);
  return observed;
}

}  // namespace vpndoctor
