// SPDX-License-Identifier: Apache-2.0
// The order matters: rules and settings first, then the stale cache (which needs the path), then the tunnel.
#include "session.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>

namespace vpndoctor::lab {
namespace {

std::string text_of(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(address.family == Family::kInet ? AF_INET : AF_INET6, address.bytes.data(), text.data(), text.size());
  return text.data();
}

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
}

}  // namespace

Result<std::unique_ptr<Session>> Session::start(const Scenario& scenario, SessionOptions options) {
  std::unique_ptr<Session> session(new Session(scenario, options));
  auto lab = Lab::start(scenario.path, options.seed);
  if (!lab) return std::unexpected(lab.error());
  session->lab_ = std::move(*lab);
  if (auto prepared = session->prepare_client(); !prepared) return std::unexpected(prepared.error());
  if (auto loaded = session->load_nft(session->lab_->target(), scenario.run.target_nft); !loaded) {
    return std::unexpected(loaded.error());
  }
  if (!scenario.tunnel) return session;
  auto tunnel = Tunnel::start(*scenario.tunnel, *session->lab_);
  if (!tunnel) return std::unexpected(tunnel.error());
  session->tunnel_ = std::move(*tunnel);
  return session;
}

Result<void> Session::prepare_client() {
  {
    const InNamespace inside(lab_->client());
    // The second form is for a user namespace in which only one group exists.
    const bool open = scenario_.run.ping_socket;
    const bool set = write_sysctl("ipv4/ping_group_range", open ? "0 2147483647" : "1 0");
    if (open && !set) write_sysctl("ipv4/ping_group_range", "0 0");
    for (const auto& [name, value] : scenario_.run.client_sysctls) {
      if (!write_sysctl(name, value)) return failure(ErrorKind::kUnavailable, "cannot set net/" + name);
    }
  }
  if (const auto stale = scenario_.stale_cache_mtu_bytes) {
    if (auto poisoned = lab_->poison_client_cache(options_.family, *stale); !poisoned) return poisoned;
  }
  return load_nft(lab_->client(), scenario_.run.client_nft);
}

Result<void> Session::load_nft(const NetNamespace& inside, const std::string& rules) {
  if (rules.empty()) return {};
  if (!is_installed("nft")) return failure(ErrorKind::kUnavailable, "nft is not installed");
  const auto loaded = run_checked({{"nft", "-f", "-"}, &inside, false, {}}, rules);
  if (!loaded) return std::unexpected(loaded.error());
  return {};
}

Command Session::command(const std::vector<std::string>& argv) const {
  Command command{{}, &lab_->client(), scenario_.run.as_user, {}};
  for (const auto& argument : argv) command.argv.push_back(substitute(argument));
  return command;
}

std::string Session::substitute(std::string text) const {
  replace_all(text, "{target}", text_of(target_address(options_.family)));
  replace_all(text, "{target4}", text_of(target_address(Family::kInet)));
  replace_all(text, "{target6}", text_of(target_address(Family::kInet6)));
  replace_all(text, "{tunnel4}", kTunnelTarget4);
  replace_all(text, "{tunnel6}", kTunnelTarget6);
  for (std::size_t node = 0; node < scenario_.path.hops.size(); ++node) {
    replace_all(text, fmt::format("{{hop{}}}", node + 1),
                text_of(router_address(node, Way::kForward, options_.family)));
  }
  return text;
}

}  // namespace vpndoctor::lab
