// SPDX-License-Identifier: Apache-2.0
// What a PPP interface is for is told by what made it, and by nothing else; coverage of a machine whose only way out is
// one says so when it cannot be told.
#include "vpndoctor/ppp_use.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "machine.h"
#include "ppp_query.h"
#include "root_folder.h"
#include "vpndoctor/coverage.h"
#include "vpndoctor/tunnel_state.h"

namespace vpndoctor {
namespace {

using testing_support::Machine;
using Words = std::vector<std::string>;

PppUse use_of(Words arguments, std::optional<Words> plugins = {}, std::optional<Words> lines = {},
              std::string parent = "") {
  return ppp_use_of({std::move(arguments), std::move(plugins), std::move(lines), std::move(parent)});
}

TEST(PppUse, TheLineToAProviderIsToldByPluginProgramOrModem) {
  EXPECT_EQ(use_of({"plugin", "rp-pppoe.so"}).kind, "pppoe");
  EXPECT_EQ(use_of({}, Words{"/usr/lib/pppd/2.4.9/pppoe.so"}).kind, "pppoe");
  EXPECT_EQ(use_of({"pty", "/usr/sbin/pppoe -I eth0 -T 80"}).kind, "pppoe");
  EXPECT_EQ(use_of({}, Words{"/usr/lib/pppd/2.4.9/pppoatm.so"}).kind, "pppoa");
  EXPECT_EQ(use_of({}, Words{}, Words{"/dev/null", "/dev/ttyUSB2"}).kind, "modem");
  EXPECT_EQ(use_of({}, Words{"/x/nm-pppd-plugin.so", "/x/rp-pppoe.so"}, Words{}, "NetworkManager").kind, "pppoe");
  EXPECT_EQ(use_of({}, Words{"/x/rp-pppoe.so"}, Words{"/dev/ttyS0"}).kind, "pppoe") << "the plugin tells more";
  for (const char* kind : {"pppoe", "pppoa", "modem"}) EXPECT_TRUE(is_uplink_kind(kind));
}

TEST(PppUse, AVpnIsToldByPluginProgramOrParent) {
  EXPECT_EQ(use_of({"plugin", "/usr/lib/pppd/2.4.9/pptp.so"}).kind, "pptp");
  EXPECT_EQ(use_of({"pty", "pptp vpn.example --nolaunchpppd"}).kind, "pptp");
  EXPECT_EQ(use_of({}, Words{"/usr/lib/pppd/2.4.9/pppol2tp.so"}).kind, "l2tp");
  EXPECT_EQ(use_of({}, {}, {}, "xl2tpd").kind, "l2tp");
  EXPECT_EQ(use_of({}, {}, Words{"/dev/pts/3"}, "openfortivpn").kind, "fortinet");
  EXPECT_EQ(use_of({"pty", "sstpc --ipparam x"}).kind, "sstp");
  for (const char* kind : {"pptp", "l2tp", "fortinet", "sstp", "ssh", "ppp", "wireguard", ""}) {
    EXPECT_FALSE(is_uplink_kind(kind)) << kind;
  }
}

TEST(PppUse, WhatTellsNothingOrTwoThingsIsNotKnown) {
  const std::vector<PppUse> unknown = {
      use_of({}),
      use_of({"call", "dsl-provider"}),
      use_of({"call", "pppoe"}),
      use_of({"plugin"}),
      use_of({}, Words{"/x/nm-pppd-plugin.so"}, Words{"/dev/pts/1", "/dev/ppp"}, "bash"),
      use_of({"plugin", "rp-pppoe.so"}, Words{"/x/pptp.so"}),
      use_of({}, {}, Words{"/dev/tty"}),
  };
  for (const PppUse& each : unknown) {
    EXPECT_EQ(each.kind, "ppp");
    EXPECT_FALSE(each.why_unknown.empty());
  }
}

constexpr const char* kSessions =
    "Id       Address              Device\n"
    "0000A42B 00:90:1A:A0:3F:77     eth0\n"
    "00000100 02:00:00:00:00:01 enp0s31f6.7\n";

TEST(PppUse, SessionsOfTheKernelAreRead) {
  const std::vector<PppoeSession> expected = {{"00:90:1A:A0:3F:77", "eth0"}, {"02:00:00:00:00:01", "enp0s31f6.7"}};
  EXPECT_EQ(parse_pppoe_sessions(kSessions), expected);
  EXPECT_TRUE(parse_pppoe_sessions("Id       Address              Device\n").empty());
  for (const char* none :
       {"0000A42B 00:90:1A:A0:3F eth0", "A42B 00:90:1A:A0:3F:77 eth0", "0000A42B 00:90:1A:A0:3F:77",
        "0001A42B 00:90:1A:A0:3F:77 eth0", "0000A42B 00:90:1A:A0:3F:7g eth0", "0000A42B 00:90:1A:A0:3F:77 eth0 more"}) {
    EXPECT_TRUE(parse_pppoe_sessions(none).empty()) << none;
  }
}

TEST(PppUse, SessionsThatAreCutShortAreTheirBeginning) {
  const std::string whole = kSessions;
  const auto all = parse_pppoe_sessions(whole);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const auto cut = parse_pppoe_sessions(whole.substr(0, size));
    ASSERT_LE(cut.size(), all.size());
    for (std::size_t at = 0; at < cut.size(); ++at) {
      EXPECT_TRUE(all[at].peer == cut[at].peer);
      EXPECT_TRUE(all[at].interface.starts_with(cut[at].interface));
    }
  }
}

/// The /run and /proc of a machine that has one pppd.
class FakeRoot : public testing_support::RootFolder {
 public:
  FakeRoot() {
    file("/run/ppp0.pid", "77\n").file("/proc/77/comm", "pppd\n").file("/proc/70/comm", "bash\n");
    file("/proc/77/stat", "77 (pppd (x) y) S 70 77 77 0");
    std::filesystem::create_directories(path() + "/proc/77/fd");
    enter("self", "net:[1]");
    enter("77", "net:[1]");
  }
  void enter(const std::string& process, const std::string& space) const {
    const std::filesystem::path folder = path() + "/proc/" + process + "/ns";
    std::filesystem::create_directories(folder);
    std::filesystem::remove(folder / "net");
    if (!space.empty()) std::filesystem::create_symlink(space, folder / "net");
  }
  void hold(const std::string& line) const { std::filesystem::create_symlink(line, path() + "/proc/77/fd/5"); }
  Tunnel look() const {
    Tunnel tunnel;
    tunnel.interface = "ppp0";
    tunnel.kind = "ppp";
    take_ppp_use(path(), tunnel);
    return tunnel;
  }
};

TEST(PppQuery, LooksAtThePppdOfTheInterface) {
  FakeRoot root;
  root.file("/proc/77/cmdline", std::string("pppd\0user\0me\0password\0secret\0call\0dsl\0", 38));
  root.file("/proc/77/maps",
            "7f00 r-xp 0 08:01 5  /usr/lib/pppd/2.4.9/rp-pppoe.so\n7f01 r-xp 0 08:01 6  /lib/libc.so.6\n");
  const Tunnel tunnel = root.look();
  EXPECT_EQ(tunnel.kind, "pppoe");
  EXPECT_EQ(tunnel.holder_pid, 77U);
  EXPECT_TRUE(tunnel.not_seen.empty());
}

TEST(PppQuery, ModemAndParentAreSeen) {
  FakeRoot modem;
  modem.file("/proc/77/maps", "7f01 r-xp 0 08:01 6  /lib/libc.so.6\n");
  modem.hold("/dev/ttyUSB0");
  EXPECT_EQ(modem.look().kind, "modem");
  FakeRoot vpn;
  vpn.file("/proc/70/comm", "openfortivpn\n");
  EXPECT_EQ(vpn.look().kind, "fortinet");
  EXPECT_FALSE(vpn.look().not_seen.empty()) << "where its packets go";
}

TEST(PppQuery, APluginThatWasReplacedOnDiskIsLoadedAllTheSame) {
  FakeRoot root;
  root.file("/proc/77/maps", "7f00 r-xp 0 08:01 5  /usr/lib/pppd/2.4.9/rp-pppoe.so (deleted)\n");
  EXPECT_EQ(root.look().kind, "pppoe");
}

TEST(PppQuery, NoHolderIsNamedWhoseNamespaceIsNotKnown) {
  for (const char* unread : {"self", "77"}) {
    FakeRoot root;
    root.file("/proc/70/comm", "openfortivpn\n");
    root.enter(unread, "");
    const Tunnel tunnel = root.look();
    EXPECT_EQ(tunnel.kind, "fortinet");
    EXPECT_FALSE(tunnel.holder_pid.has_value()) << unread;
    EXPECT_NE(tunnel.holder_not_seen.find("77"), std::string::npos) << tunnel.holder_not_seen;
  }
  FakeRoot elsewhere;
  elsewhere.file("/proc/70/comm", "openfortivpn\n");
  elsewhere.enter("77", "net:[2]");
  EXPECT_EQ(elsewhere.look().kind, "ppp");
  EXPECT_FALSE(elsewhere.look().holder_pid.has_value());
}

TEST(PppQuery, WhatIsNotFoundIsSaid) {
  FakeRoot silent;
  silent.file("/proc/net/pppoe", kSessions);
  const Tunnel unread = silent.look();
  EXPECT_EQ(unread.kind, "ppp");
  EXPECT_NE(unread.not_seen.find("may not be read"), std::string::npos);
  EXPECT_NE(unread.not_seen.find("a PPPoE session on eth0"), std::string::npos);
  FakeRoot reused;
  reused.file("/proc/77/comm", "sleep\n");
  reused.file("/proc/77/maps", "7f00 r-xp 0 08:01 5  /usr/lib/pppd/2.4.9/rp-pppoe.so\n");
  EXPECT_EQ(reused.look().kind, "ppp");
  EXPECT_FALSE(reused.look().holder_pid.has_value());
}

/// ppp0 is the only way out; `kind`: what is known of it, null: nothing.
Snapshot line(const char* kind) {
  Machine machine;
  machine.link("ppp0", "ppp", kLinkUp | kLinkRunning | kLinkLowerUp | kLinkPointToPoint | kLinkNoArp);
  machine.address("ppp0", "203.0.113.9/32");
  machine.route({.destination = "default", .interface = "ppp0"});
  if (kind != nullptr) machine.tunnel("ppp0", "");
  Snapshot snapshot = machine.snapshot();
  snapshot.links->back().hardware_type = 512;
  if (kind != nullptr) snapshot.tunnels->back().kind = kind;
  snapshot.xfrm = {Xfrm{}, "netlink"};
  return snapshot;
}

FamilyCoverage covered(const Snapshot& snapshot) { return find_coverage(snapshot, Fib(snapshot), 0).inet; }

TEST(PppCoverage, AnUplinkIsNoTunnelAndAVpnIsOne) {
  for (const char* uplink : {"pppoe", "modem", "pppoa"}) {
    const Snapshot snapshot = line(uplink);
    EXPECT_EQ(covered(snapshot).mode, CoverageMode::kNone) << uplink;
    EXPECT_TRUE(judge_tunnels(snapshot).empty());
  }
  for (const char* vpn : {"pptp", "l2tp", "fortinet"}) {
    EXPECT_EQ(covered(line(vpn)).mode, CoverageMode::kFull) << vpn;
    EXPECT_EQ(judge_tunnels(line(vpn)).size(), 1U);
  }
}

TEST(PppCoverage, WhereItCannotBeToldTheModeIsUnknown) {
  for (const char* kind : {static_cast<const char*>(nullptr), "ppp"}) {
    const Snapshot snapshot = line(kind);
    const FamilyCoverage coverage = covered(snapshot);
    EXPECT_EQ(coverage.mode, CoverageMode::kUnknown);
    EXPECT_NE(coverage.why_unknown.find("ppp0"), std::string::npos) << coverage.why_unknown;
    Flow flow;
    flow.destination = *IpAddress::parse("9.9.9.9");
    const Fib fib(snapshot);
    const PacketPath path = packet_path(snapshot, fib, flow);
    EXPECT_EQ(path.way, PacketWay::kUnknown);
    EXPECT_EQ(path.why, coverage.why_unknown);
  }
}

TEST(PppCoverage, ATunnelOverALineOfWhichNothingIsKnownIsFullAllTheSame) {
  Snapshot snapshot = line("ppp");
  Machine machine;
  machine.link("ppp0", "ppp").address("ppp0", "203.0.113.9/32").tunnel("ppp0", "");
  machine.link("wg0", "wireguard").address("wg0", "10.7.0.2/32").tunnel("wg0", "198.51.100.7");
  machine.route({.destination = "default", .interface = "ppp0", .metric = 700});
  machine.route({.destination = "198.51.100.7/32", .interface = "ppp0"});
  machine.route({.destination = "default", .interface = "wg0"});
  snapshot = machine.snapshot();
  snapshot.tunnels->front().kind = "ppp";
  snapshot.xfrm = {Xfrm{}, "netlink"};
  EXPECT_EQ(covered(snapshot).mode, CoverageMode::kFull);
}

TEST(PppCoverage, OneWhoseOtherEndIsKnownIsAVpn) {
  Snapshot snapshot = line("ppp");
  snapshot.tunnels->back().endpoints = {{*IpAddress::parse("198.51.100.9"), {}}};
  EXPECT_EQ(covered(snapshot).mode, CoverageMode::kFull) << covered(snapshot).why_unknown;
}

}  // namespace
}  // namespace vpndoctor
