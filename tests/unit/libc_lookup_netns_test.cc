// SPDX-License-Identifier: Apache-2.0
// getaddrinfo() in a child process: its answer, its errors, and that it is ended when it does not return. In a network
// namespace with a resolv.conf and a nsswitch.conf of its own.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mount.h>

#include <fstream>
#include <iterator>

#include "dns_peer.h"
#include "in_namespace.h"
#include "libc_lookup.h"
#include "vpndoctor/dns_message.h"

namespace vpndoctor {
namespace {

using testing_support::DnsBytes;
using testing_support::DnsPeer;
using testing_support::DnsPeerReply;
using testing_support::in_network_namespace;
using testing_support::reply_with_addresses;
using testing_support::reply_with_code;
using testing_support::run;

/// Puts a private /etc in place of the machine's, as far as the C library's resolver reads it.
bool set_resolver(const std::string& hosts_line, const std::string& resolv_conf) {
  if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  if (mount("tmpfs", "/etc", "tmpfs", 0, nullptr) != 0) return false;
  std::ofstream("/etc/nsswitch.conf") << hosts_line << "\n";
  std::ofstream("/etc/resolv.conf") << resolv_conf << "\n";
  std::ofstream("/etc/hosts") << "10.1.2.3 printer.example\n";
  return true;
}

DnsWayAnswer look_up(const std::string& name, std::uint16_t type = kDnsTypeA) {
  return finish_libc_lookup(start_libc_lookup(name, type), std::chrono::seconds(20), -1);
}

TEST(LibcLookup, AnswersAsGetaddrinfoDoes) {
  in_network_namespace([] {
    if (!set_resolver("hosts: files dns", "nameserver 127.0.0.9")) return;
    const DnsPeer peer("127.0.0.9", [](const DnsBytes& question, std::size_t) -> std::vector<DnsPeerReply> {
      if (decode_dns_message(question)->question->name == "www.example") {
        return {{reply_with_addresses(question, {"10.0.0.2", "10.0.0.1"}), {}, {}}};
      }
      return {{reply_with_code(question, kDnsNoSuchName), {}, {}}};
    });
    const DnsWayAnswer found = look_up("www.example");
    EXPECT_EQ(found.outcome, DnsOutcome::kAnswered) << found.reason;
    EXPECT_EQ(found.status, "NOERROR");
    EXPECT_EQ(found.addresses, (std::vector<std::string>{"10.0.0.1", "10.0.0.2"}));
    EXPECT_TRUE(found.took.has_value());
    EXPECT_EQ(look_up("printer.example").addresses, std::vector<std::string>{"10.1.2.3"});
    const DnsWayAnswer none = look_up("nx.example");
    EXPECT_EQ(none.status, "EAI_NONAME");
    EXPECT_TRUE(none.addresses.empty());
    EXPECT_EQ(look_up("www.example", kDnsTypeTxt).outcome, DnsOutcome::kNotAsked);
  });
}

TEST(LibcLookup, IsEndedWhenItDoesNotReturn) {
  in_network_namespace([] {
    if (!set_resolver("hosts: dns", "nameserver 127.0.0.9\noptions timeout:30 attempts:5")) return;
    const DnsPeer silent("127.0.0.9", [](const DnsBytes&, std::size_t) { return std::vector<DnsPeerReply>{}; });
    const DnsWayAnswer late = finish_libc_lookup(start_libc_lookup("www.example", kDnsTypeA), Milliseconds(100), -1);
    EXPECT_EQ(late.outcome, DnsOutcome::kSilent);
    const int event = eventfd(1, EFD_CLOEXEC);
    const DnsWayAnswer interrupted =
        finish_libc_lookup(start_libc_lookup("www.example", kDnsTypeA), std::chrono::hours(1), event);
    EXPECT_EQ(interrupted.outcome, DnsOutcome::kNotAsked);
    EXPECT_EQ(interrupted.reason, "interrupted");
    // Only the server is left of this process's children.
    const std::string self = std::to_string(getpid());
    std::ifstream children("/proc/" + self + "/task/" + self + "/children");
    const std::vector<std::string> pids{std::istream_iterator<std::string>(children), {}};
    EXPECT_EQ(pids.size(), 1U);
  });
}

TEST(LibcLookup, ACrashOfTheLibraryIsAnAnswerWithAReason) {
  in_network_namespace([] {
    if (!set_resolver("hosts:", "nameserver 127.0.0.9")) return;
    const DnsWayAnswer way = look_up("www.example");
    // glibc 2.36 crashes; others say that there is no such name.
    EXPECT_TRUE(way.outcome == DnsOutcome::kMalformed || way.addresses.empty());
    if (way.outcome == DnsOutcome::kMalformed) {
      EXPECT_TRUE(way.reason.starts_with("the C library crashed")) << way.reason;
    }
  });
}

}  // namespace
}  // namespace vpndoctor
