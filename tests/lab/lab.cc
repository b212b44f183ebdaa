// SPDX-License-Identifier: Apache-2.0
// Puts the lab together. The client's device is a veth, so that it looks like Ethernet; the gateway is the kernel's own
// router; what lies behind it is the emulator's. The target is a kernel again, with its own answers and limits.
#include "lab.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <future>

#include "rtnetlink.h"

namespace vpndoctor::lab {
namespace {

using namespace std::chrono_literals;

constexpr const char* kClientLink = "eth0";
constexpr const char* kGatewayLink = "lan0";
constexpr const char* kGatewayTun = "wan0";
constexpr const char* kTargetTun = "eth0";
constexpr std::uint32_t kIpv6MinimumMtu = 1280;
constexpr int kPacketsAtOnce = 64;

std::unexpected<Error> failed(const char* what) {
  return failure(ErrorKind::kUnavailable, fmt::format("{}: {}", what, std::strerror(errno)));
}

/// Opens a TUN device in the calling thread's namespace.
Result<Fd> open_tun(const char* name) {
  Fd tun(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!tun) return failed("cannot open /dev/net/tun");
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(tun.get(), TUNSETIFF, &request) != 0) return failed("cannot make a TUN device");
  return tun;
}

struct LinkSetup {
  const char* link;
  std::uint32_t mtu_bytes;
  const char* inet = nullptr;
  const char* inet6 = nullptr;
};

/// Brings a link up and gives it its addresses; IPv6 needs 1280 bytes.
Result<void> set_up(const LinkSetup& setup) {
  if (auto up = bring_up(setup.link, setup.mtu_bytes); !up) return up;
  if (setup.inet != nullptr) {
    if (auto added = add_address(setup.link, {lab_address(setup.inet), 24}); !added) return added;
  }
  if (setup.inet6 == nullptr || setup.mtu_bytes < kIpv6MinimumMtu) return {};
  return add_address(setup.link, {lab_address(setup.inet6), 64});
}

/// Adds default routes for the families that the link carries.
Result<void> route_through(const char* link, std::uint32_t mtu_bytes) {
  if (auto added = add_default_route({Family::kInet, link, {}, {}}); !added) return added;
  if (mtu_bytes < kIpv6MinimumMtu) return {};
  return add_default_route({Family::kInet6, link, {}, {}});
}

/// Takes the kernel's ICMP limits away, so that what is missing in an answer is the path's doing.
void lift_icmp_limits() {
  write_sysctl("ipv4/icmp_ratelimit", "0");
  write_sysctl("ipv4/icmp_ratemask", "0");
  write_sysctl("ipv6/icmp/ratelimit", "0");
  write_sysctl("ipv6/icmp/ratemask", "100");
}

/// Returns the MTU of the kernel's device at one end of a link: the link's own where the kernel shall say what is too
/// big for it, else so large that the emulator decides.
std::uint32_t device_mtu(const LinkConfig& link) {
  const bool honest = link.too_big == TooBigPolicy::kSend && !link.l2;
  return honest && link.mtu_bytes >= kIpv6MinimumMtu ? link.mtu_bytes : kLargestPacketBytes;
}

}  // namespace

IpAddress target_address(Family family) {
  return lab_address(family == Family::kInet ? "203.0.113.10" : "2001:db8:3::10");
}

Result<void> Lab::connect_client(const PathConfig& path) {
  const InNamespace inside(client_);
  const std::uint32_t mtu = path.client_mtu_bytes;
  if (auto made = create_veth({kClientLink, kGatewayLink, gateway_.fd(), mtu}); !made) return made;
  if (auto up = set_up({kClientLink, mtu, "192.0.2.2", "2001:db8:1::2"}); !up) return up;
  {
    const InNamespace gateway(gateway_);
    if (auto up = set_up({kGatewayLink, mtu, "192.0.2.1", "2001:db8:1::1"}); !up) return up;
  }
  for (const Family family : {Family::kInet, Family::kInet6}) {
    if (family == Family::kInet6 && mtu < kIpv6MinimumMtu) continue;
    const IpAddress gateway = router_address(0, Way::kForward, family);
    if (auto added = add_default_route({family, kClientLink, gateway, path.route_mtu_bytes}); !added) return added;
  }
  return {};
}

Result<void> Lab::connect_gateway(const PathConfig& path) {
  const InNamespace inside(gateway_);
  auto tun = open_tun(kGatewayTun);
  if (!tun) return std::unexpected(tun.error());
  gateway_tun_ = std::move(*tun);
  if (!path.target.rate_limits) lift_icmp_limits();
  write_sysctl("ipv4/ip_forward", "1");
  write_sysctl("ipv6/conf/all/forwarding", "1");
  // The emulator speaks for the gateway where it lies or keeps silent: packets from its own address then come in.
  write_sysctl(fmt::format("ipv4/conf/{}/accept_local", kGatewayTun), "1");
  write_sysctl("ipv4/conf/all/rp_filter", "0");
  const std::uint32_t mtu = device_mtu(path.hops.front().forward);
  if (auto up = set_up({kGatewayTun, mtu}); !up) return up;
  return route_through(kGatewayTun, mtu);
}

Result<void> Lab::connect_target(const PathConfig& path) {
  const InNamespace inside(target_);
  auto tun = open_tun(kTargetTun);
  if (!tun) return std::unexpected(tun.error());
  target_tun_ = std::move(*tun);
  if (!path.target.rate_limits) lift_icmp_limits();
  const std::uint32_t mtu = std::min(path.target.mtu_bytes, device_mtu(path.hops.back().back));
  if (auto up = set_up({kTargetTun, mtu, "203.0.113.10", "2001:db8:3::10"}); !up) return up;
  return route_through(kTargetTun, mtu);
}

Result<void> Lab::start_servers(const TargetConfig& target) {
  const InNamespace inside(target_);
  std::vector<TcpServer::Config> configs;
  if (target.tls_server) configs.push_back(tls_like_server(target.tcp_reply_bytes));
  if (target.ssh_server) configs.push_back(ssh_like_server());
  for (auto& config : configs) {
    auto server = TcpServer::listen(loop_, std::move(config));
    if (!server) return std::unexpected(server.error());
    servers_.push_back(std::move(*server));
  }
  return {};
}

void Lab::start_emulator(const PathConfig& path, std::uint64_t seed) {
  const auto write_to = [](const Fd& tun) {
    return [fd = tun.get()](const Bytes& packet) {
      // A refused packet is a lost one; the kernel at that end has its reasons.
      [[maybe_unused]] const ssize_t written = write(fd, packet.data(), packet.size());
    };
  };
  emulator_ = std::make_unique<PathEmulator>(path, seed, loop_,
                                             PathEmulator::Ends{write_to(gateway_tun_), write_to(target_tun_)});
  const auto forward_from = [this](const Fd& tun, void (PathEmulator::*take)(Bytes)) {
    loop_.watch(tun.get(), [this, fd = tun.get(), take] {
      std::array<std::uint8_t, kLargestPacketBytes> buffer;
      for (int count = 0; count < kPacketsAtOnce; ++count) {
        const ssize_t received = read(fd, buffer.data(), buffer.size());
        if (received <= 0) return;
        (emulator_.get()->*take)(Bytes(buffer.begin(), buffer.begin() + received));
      }
    });
  };
  forward_from(gateway_tun_, &PathEmulator::from_gateway);
  forward_from(target_tun_, &PathEmulator::from_target);
  thread_ = std::thread([this] { loop_.run(); });
}

Result<std::unique_ptr<Lab>> Lab::start(const PathConfig& path, std::uint64_t seed) {
  auto client = NetNamespace::create();
  if (!client) return std::unexpected(client.error());
  auto gateway = NetNamespace::create();
  if (!gateway) return std::unexpected(gateway.error());
  auto target = NetNamespace::create();
  if (!target) return std::unexpected(target.error());
  std::unique_ptr<Lab> lab(new Lab(std::move(*client), std::move(*gateway), std::move(*target)));
  for (const auto connect : {&Lab::connect_client, &Lab::connect_gateway, &Lab::connect_target}) {
    if (auto connected = (lab.get()->*connect)(path); !connected) return std::unexpected(connected.error());
  }
  if (auto started = lab->start_servers(path.target); !started) return std::unexpected(started.error());
  lab->start_emulator(path, seed);
  return lab;
}

Lab::~Lab() {
  loop_.stop();
  if (thread_.joinable()) thread_.join();
}

std::optional<std::uint32_t> Lab::client_cache(Family family) const {
  const InNamespace inside(client_);
  return cached_path_mtu(target_address(family));
}

void Lab::poison_next(std::uint32_t mtu_bytes) {
  std::promise<void> done;
  loop_.post([&] {
    emulator_->poison_once(mtu_bytes);
    done.set_value();
  });
  done.get_future().wait();
}

Result<void> Lab::poison_client_cache(Family family, std::uint32_t mtu_bytes) {
  const InNamespace inside(client_);
  const Fd udp(socket(family == Family::kInet ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const IpAddress address = target_address(family);
  sockaddr_storage to{};
  if (family == Family::kInet) {
    auto* inet = reinterpret_cast<sockaddr_in*>(&to);
    *inet = {AF_INET, htons(9), {}, {}};
    std::memcpy(&inet->sin_addr, address.bytes.data(), 4);
  } else {
    auto* inet6 = reinterpret_cast<sockaddr_in6*>(&to);
    inet6->sin6_family = AF_INET6;
    inet6->sin6_port = htons(9);
    std::memcpy(&inet6->sin6_addr, address.bytes.data(), 16);
  }
  const Bytes payload(mtu_bytes + 1, 0);
  // Fragments would get through whole, so the datagram says that it must not be cut.
  const int discover = IP_PMTUDISC_DO;
  setsockopt(udp.get(), IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof(discover));
  bool is_taken = false;
  for (int attempt = 0; attempt < 100 && !is_taken; ++attempt) {
    poison_next(mtu_bytes);
    sendto(udp.get(), payload.data(), payload.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to));
    std::this_thread::sleep_for(10ms);
    is_taken = client_cache(family).has_value();
  }
  // An attempt that came too late must not spoil a packet of the test.
  poison_next(0);
  if (is_taken) return {};
  return failure(ErrorKind::kInternal, "the client's kernel did not take the forged path MTU");
}

}  // namespace vpndoctor::lab
