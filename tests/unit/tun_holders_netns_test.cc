// SPDX-License-Identifier: Apache-2.0
// Who holds a tun device, with the kernel's own devices: held from another namespace, of another namespace, stopped,
// left behind, shared, and looked for by a user who may not see.
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <map>
#include <string>

#include "in_namespace.h"
#include "other_process.h"
#include "process_facts.h"
#include "tun_holder.h"
#include "vpndoctor/collect.h"
#include "vpndoctor/tunnel_state.h"

namespace vpndoctor {
namespace {

using testing_support::enter_namespace_of;
using testing_support::in_network_namespace;
using testing_support::may_not_make_tun;
using testing_support::open_tun;
using testing_support::OtherProcess;
using testing_support::output_of;
using testing_support::PeerNamespace;
using testing_support::run;

constexpr uid_t kNobody = 65534;

/// The only tunnel of this namespace.
Tunnel collected() {
  const auto snapshot = collect_snapshot();
  EXPECT_TRUE(snapshot && snapshot->tunnels.is_known());
  if (!snapshot || !snapshot->tunnels) return {};
  EXPECT_EQ(snapshot->tunnels->size(), 1U);
  return snapshot->tunnels->empty() ? Tunnel{} : snapshot->tunnels->front();
}

void become_nobody() {
  if (::setresgid(kNobody, kNobody, kNobody) != 0 || ::setresuid(kNobody, kNobody, kNobody) != 0) std::abort();
  // The change took away what lets others of the same user look.
  ::prctl(PR_SET_DUMPABLE, 1);
}

/// Takes the right away that root needs to see what others have open.
void drop_ptrace() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) std::abort();
  sets[0].effective &= ~(1U << CAP_SYS_PTRACE);
  sets[0].permitted &= ~(1U << CAP_SYS_PTRACE);
  if (::syscall(SYS_capset, &header, sets.data()) != 0) std::abort();
}

/// Runs `body` in a child; its failed expectations fail the test.
void in_child(const std::function<void()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    body();
    std::fflush(nullptr);
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

void as_nobody(const std::function<void()>& body) {
  in_child([&body] {
    become_nobody();
    body();
  });
}

/// Runs `body` as root where /proc shows the test's own processes alone: a sandbox may hide from root, too, what a
/// process outside of it has open, and then nobody is known to hold nothing.
void in_own_processes(const std::function<void()>& body) {
  in_child([&body] {
    ASSERT_EQ(::unshare(CLONE_NEWPID | CLONE_NEWNS), 0);
    in_child([&body] {
      ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
      ASSERT_EQ(::mount("proc", "/proc", "proc", 0, nullptr), 0);
      body();
    });
  });
}

/// A holder that leaves its persistent device without a carrier.
bool hold_without_carrier(const char* name) {
  const int device = open_tun(name);
  int carrier = 0;
  return device >= 0 && ::ioctl(device, TUNSETPERSIST, 1) == 0 && ::ioctl(device, TUNSETCARRIER, &carrier) == 0;
}

/// The only tunnel of this namespace, judged by what is seen now.
TunnelReport judged() {
  const auto snapshot = collect_snapshot();
  const auto reports = snapshot ? judge_tunnels(*snapshot) : std::vector<TunnelReport>{};
  EXPECT_EQ(reports.size(), 1U);
  return reports.empty() ? TunnelReport{} : reports.front();
}

TEST(TunHolders, AHolderThatLivesInAnotherNamespaceIsFound) {
  if (may_not_make_tun()) GTEST_SKIP() << "no /dev/net/tun";
  in_network_namespace([] {
    const OtherProcess holder([] { return open_tun("held0") >= 0 && ::unshare(CLONE_NEWNET) == 0; });
    const Tunnel tunnel = collected();
    EXPECT_EQ(tunnel.interface, "held0");
    EXPECT_EQ(tunnel.holder_pid, static_cast<std::uint32_t>(holder.pid()));
    EXPECT_EQ(tunnel.holder_is_elsewhere, true);
    EXPECT_EQ(tunnel.holder_not_seen, "");
    EXPECT_EQ(tunnel.holder_name + "\n", output_of("cat /proc/" + std::to_string(holder.pid()) + "/comm"));
  });
}

TEST(TunHolders, ADeviceThatWasMovedHereIsHeldFromWhereItCameFrom) {
  if (may_not_make_tun()) GTEST_SKIP() << "no /dev/net/tun";
  in_network_namespace([] {
    const std::string move_here = "ip link set moved0 netns " + std::to_string(::getpid());
    const OtherProcess holder(
        [&] { return ::unshare(CLONE_NEWNET) == 0 && open_tun("moved0") >= 0 && std::system(move_here.c_str()) == 0; });
    const Tunnel tunnel = collected();
    EXPECT_EQ(tunnel.interface, "moved0");
    EXPECT_EQ(tunnel.holder_pid, static_cast<std::uint32_t>(holder.pid()));
    EXPECT_EQ(tunnel.holder_is_elsewhere, true);
  });
}

TEST(TunHolders, ADeviceOfTheSameNameInAnotherNamespaceIsNotThisOne) {
  if (may_not_make_tun()) GTEST_SKIP() << "no /dev/net/tun";
  if (::geteuid() != 0) GTEST_SKIP() << "without root some processes may not be seen";
  in_network_namespace([] {
    in_own_processes([] {
      const PeerNamespace peer;
      const pid_t here = ::getpid();
      // Its process lives here, its device does not; fdinfo has the name of ours.
      const OtherProcess stranger(
          [&] { return enter_namespace_of(peer.pid()) && open_tun("same0") >= 0 && enter_namespace_of(here); });
      run("ip tuntap add same0 mode tun; ip link set same0 up");
      const Tunnel tunnel = collected();
      EXPECT_EQ(tunnel.holder_pid, std::nullopt);
      EXPECT_EQ(tunnel.holder_is_elsewhere, std::nullopt);
      EXPECT_EQ(tunnel.holder_not_seen, "");
    });
  });
}

TEST(TunHolders, APersistentDeviceThatNobodyHoldsHasNoHolder) {
  if (may_not_make_tun()) GTEST_SKIP() << "no /dev/net/tun";
  if (::geteuid() != 0) GTEST_SKIP() << "without root some processes may not be seen";
  in_network_namespace([] {
    in_own_processes([] {
      run("ip tuntap add left0 mode tun; ip link set left0 up");
      const Tunnel tunnel = collected();
      EXPECT_EQ(tunnel.holder_pid, std::nullopt);
      EXPECT_EQ(tunnel.holder_name, "");
      EXPECT_EQ(tunnel.holder_not_seen, "");
    });
  });
}

TEST(TunHolders, AStoppedHolderSaysSo) {
  if (may_not_make_tun()) GTEST_SKIP() << "no /dev/net/tun";
  in_network_namespace([] {
    const OtherProcess holder([] { return open_tun("held0") >= 0; });
    EXPECT_NE(std::string("SR").find(collected().holder_state), std::string::npos) << "it may not sleep yet";
    holder.stop();
    EXPECT_EQ(collected().holder_state, 'T');
  });
}

TEST(TunHolders, OfSeveralTheOldestIsNamedAndEachProcessOnce) {
  if (may_not_make_tun()) GTEST_SKIP() << "no /dev/net/tun";
  in_network_namespace([] {
    const OtherProcess parent([] {
      if (open_tun("many0", true) < 0 || open_tun("many0", true) < 0) return false;
      const OtherProcess* const child = new OtherProcess([] { return true; });
      return child->pid() > 0;
    });
    const auto found = find_tun_holders("many0");
    ASSERT_EQ(found.holders.size(), 2U);
    EXPECT_EQ(found.holders[0].pid, parent.pid());
    EXPECT_NE(found.holders[1].pid, parent.pid());
    EXPECT_EQ(collected().holder_pid, static_cast<std::uint32_t>(parent.pid()));
  });
}

TEST(TunHolders, TheHolderIsLeftAlone) {
  if (may_not_make_tun()) GTEST_SKIP() << "no /dev/net/tun";
  in_network_namespace([] {
    {
      const OtherProcess holder([] { return open_tun("held0") >= 0; });
      EXPECT_EQ(collected().holder_pid, static_cast<std::uint32_t>(holder.pid()));
    }
    // A copy that was kept would keep the device.
    EXPECT_EQ(output_of("ip -o link show type tun"), "");
  });
}

TEST(TunHolders, WhoMayNotSeeTheHolderDoesNotSayThatThereIsNone) {
  if (may_not_make_tun()) GTEST_SKIP() << "no /dev/net/tun";
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become nobody";
  in_network_namespace([] {
    const OtherProcess holder([] { return open_tun("held0") >= 0; });
    as_nobody([] {
      const Tunnel tunnel = collected();
      EXPECT_EQ(tunnel.holder_pid, std::nullopt);
      EXPECT_EQ(tunnel.holder_not_seen, "only root may see which process holds it");
    });
  });
}

TEST(TunHolders, RootThatMayNotSeeTheHolderDoesNotSayThatThereIsNone) {
  if (may_not_make_tun()) GTEST_SKIP() << "no /dev/net/tun";
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, and a holder of another user";
  for (const bool is_of_another : {true, false}) {
    in_network_namespace([is_of_another] {
      const OtherProcess holder([is_of_another] {
        const bool holds = hold_without_carrier("held0");
        if (is_of_another) become_nobody();
        return holds;
      });
      run("ip link set held0 up");
      in_child([] {
        drop_ptrace();
        const Tunnel tunnel = collected();
        EXPECT_EQ(tunnel.holder_pid, std::nullopt);
        EXPECT_NE(tunnel.holder_not_seen.find("CAP_SYS_PTRACE"), std::string::npos) << tunnel.holder_not_seen;
        const TunnelReport report = judged();
        EXPECT_EQ(report.state, TunnelState::kUnknown) << report.why;
        EXPECT_NE(report.why.find("CAP_SYS_PTRACE"), std::string::npos) << report.why;
      });
    });
  }
}

TEST(TunHolders, AnOrphanIsNotProvenByWhoMayNotSee) {
  if (may_not_make_tun()) GTEST_SKIP() << "no /dev/net/tun";
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become nobody";
  in_network_namespace([] {
    run("ip tuntap add left0 mode tun; ip link set left0 up");
    as_nobody([] { EXPECT_NE(collected().holder_not_seen, ""); });
  });
}

TEST(TunHolders, WhereProcessesAreHiddenNobodySaysThatThereIsNone) {
  if (may_not_make_tun()) GTEST_SKIP() << "no /dev/net/tun";
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become nobody";
  in_network_namespace([] {
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(::mount("proc", "/proc", "proc", 0, "hidepid=2"), 0);
    run("ip tuntap add left0 mode tun");
    as_nobody([] { EXPECT_NE(collected().holder_not_seen, ""); });
  });
}

TEST(TunHolders, AHolderOfTheSameUserIsACandidateAlone) {
  if (may_not_make_tun()) GTEST_SKIP() << "no /dev/net/tun";
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become nobody";
  in_network_namespace([] {
    const OtherProcess holder([] {
      const bool opened = open_tun("held0") >= 0;
      become_nobody();
      return opened;
    });
    as_nobody([&] {
      const Tunnel tunnel = collected();
      EXPECT_EQ(tunnel.holder_pid, std::nullopt);
      EXPECT_NE(tunnel.holder_not_seen.find(std::to_string(holder.pid())), std::string::npos) << tunnel.holder_not_seen;
      const auto found = find_tun_holders("held0");
      ASSERT_EQ(found.likely().size(), 1U);
      EXPECT_EQ(found.likely().front().pid, holder.pid());
    });
  });
}

TEST(TunHolders, ADeviceThatOnlyAHolderKeepsIsNotCalledLeftBehind) {
  Link link;
  link.kind = "tun";
  link.flags = kLinkUp;
  link.tun_persistent = false;
  EXPECT_NE(unseen_holder({}, link), "");
  link.tun_persistent = true;
  EXPECT_EQ(unseen_holder({}, link), "");
  link.flags |= kLinkRunning;
  EXPECT_NE(unseen_holder({}, link), "");
  link.carrier = false;
  EXPECT_EQ(unseen_holder({}, link), "") << "the flag follows later";
  link.flags = 0;
  EXPECT_EQ(unseen_holder({}, link), "");
  link.carrier = true;
  EXPECT_NE(unseen_holder({}, link), "");
}

TEST(TunHolders, TheCarrierGoesWithTheHolderAtOnceAndIsToldOfADeviceThatIsDown) {
  if (may_not_make_tun()) GTEST_SKIP() << "no /dev/net/tun";
  if (::geteuid() != 0) GTEST_SKIP() << "without root some processes may not be seen";
  for (const char* state : {"up", "down"}) {
    in_network_namespace([state] {
      in_own_processes([state] {
        {
          const OtherProcess holder([] {
            const int device = open_tun("left0");
            return device >= 0 && ::ioctl(device, TUNSETPERSIST, 1) == 0;
          });
          run(std::string("ip link set left0 ") + state);
          EXPECT_EQ(collect_snapshot()->find_link("left0")->carrier, true);
        }
        const TunnelReport report = judged();
        EXPECT_EQ(report.state, TunnelState::kOrphan) << report.why;
        EXPECT_EQ(collect_snapshot()->find_link("left0")->carrier, false);
      });
    });
  }
}

TEST(ProcessStat, TheNameMayHoldAnythingAndTheStateIsStillRight) {
  const std::string rest = " 1 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0\n";
  for (const char* name : {"sh", "a) R (b", ") ", "))) T (", "line\nend", "", "12 (x) Z 1"}) {
    const auto stat = parse_process_stat("7 (" + std::string(name) + ") S" + rest);
    ASSERT_TRUE(stat.has_value()) << name;
    EXPECT_EQ(stat->state, 'S') << name;
    EXPECT_EQ(stat->started, 4711U) << name;
  }
  for (const char* text : {"", "7 (sh)", "7 (sh) ", "7 (sh) S 1 1", "7 sh S 1", "7 (sh) 7 1 1", "7 (sh) SS 1"}) {
    EXPECT_FALSE(parse_process_stat(text).has_value()) << text;
  }
}

TEST(ProcessStat, OnlyWhatWouldHarmATerminalIsEscapedInAName) {
  std::array<char, 16> before{};
  ASSERT_EQ(::prctl(PR_GET_NAME, before.data()), 0);
  for (const auto& [name, shown] :
       std::map<std::string, std::string>{{"openvpn", "openvpn"},
                                          {"t\xc3\xa9 \xe2\x82\xac", "t\xc3\xa9 \xe2\x82\xac"},
                                          {"\x1b[31m", "\\x1b[31m"},
                                          {"a\xff", "a\\xff"},
                                          {"b\xe2\x80\xae", "b\\u{202e}"}}) {
    ASSERT_EQ(::prctl(PR_SET_NAME, name.c_str()), 0);
    EXPECT_EQ(process_name(::getpid()), shown);
  }
  ::prctl(PR_SET_NAME, before.data());
}

TEST(ProcessStat, ARealProcessIsRead) {
  const auto own = read_process_stat(::getpid());
  ASSERT_TRUE(own.has_value());
  EXPECT_EQ(own->state, 'R');
  EXPECT_EQ(std::to_string(own->started) + "\n",
            output_of("sed 's/.*) //' /proc/" + std::to_string(::getpid()) + "/stat | cut -d' ' -f20"));
}

}  // namespace
}  // namespace vpndoctor
