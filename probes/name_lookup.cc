// SPDX-License-Identifier: Apache-2.0
// Looks names up; see the header.
#include "name_lookup.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "handles.h"
#include "host_name.h"
#include "vpndoctor/idn.h"

namespace vpndoctor {
namespace {

using AddressList = std::unique_ptr<addrinfo, Freer<freeaddrinfo>>;

/// The form that DNS asks for.
Result<std::string> to_ascii(const std::string& name) {
  auto ascii = idn_to_ascii(name);
  if (ascii) return *std::move(ascii);
  return failure(ErrorKind::kUsage, fmt::format("'{}' is no host: {}", shown_host(name), ascii.error()),
                 "give the name in its ASCII form (xn--...)");
}

std::optional<ResolvedAddress> from_sockaddr(const addrinfo& info) {
  if (info.ai_family == AF_INET && info.ai_addrlen >= sizeof(sockaddr_in)) {
    sockaddr_in address;
    std::memcpy(&address, info.ai_addr, sizeof address);
    if (const auto ip = IpAddress::from_bytes(std::as_bytes(std::span(&address.sin_addr, 1))))
      return ResolvedAddress{*ip};
  }
  if (info.ai_family == AF_INET6 && info.ai_addrlen >= sizeof(sockaddr_in6)) {
    sockaddr_in6 address;
    std::memcpy(&address, info.ai_addr, sizeof address);
    const auto ip = IpAddress::from_bytes(std::as_bytes(std::span(&address.sin6_addr, 1)));
    if (ip) return ResolvedAddress{*ip, address.sin6_scope_id};
  }
  return std::nullopt;
}

std::unexpected<Error> unresolved(const std::string& host, int status) {
  const std::string shown = shown_host(host);
  if (status == EAI_AGAIN) {
    return failure(ErrorKind::kUnknownHost, fmt::format("cannot resolve '{}': no resolver answered", shown),
                   "check the resolvers (/etc/resolv.conf), or give the host's address");
  }
  const char* why = status == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(status);
  if (status == EAI_NONAME || status == EAI_NODATA) why = "there is no such name, or it has no address";
  return failure(ErrorKind::kUnknownHost, fmt::format("cannot resolve '{}': {}", shown, why),
                 "check the spelling, or give the host's address");
}

}  // namespace

Result<std::vector<ResolvedAddress>> look_up_name(const std::string& name, const std::string& shown) {
  const auto ascii = to_ascii(name);
  if (!ascii) return std::unexpected(ascii.error());
  if (const auto valid = check_ascii_name(*ascii, shown); !valid) return std::unexpected(valid.error());
  // Without AI_ADDRCONFIG: it hides the addresses of a family of which this machine has only the loopback or a
  // link-local one. The order is getaddrinfo's own (RFC 6724), which ranks what has no route last.
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* first = nullptr;
  const int status = ::getaddrinfo(ascii->c_str(), nullptr, &hints, &first);
  if (status != 0) return unresolved(shown, status);
  const AddressList list(first);
  std::vector<ResolvedAddress> found;
  for (const addrinfo* info = list.get(); info != nullptr; info = info->ai_next) {
    if (const auto resolved = from_sockaddr(*info)) found.push_back(*resolved);
  }
  if (found.empty()) return unresolved(shown, EAI_NODATA);
  return found;
}

}  // namespace vpndoctor
