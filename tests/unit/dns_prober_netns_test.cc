// SPDX-License-Identifier: Apache-2.0
// The DNS prober against servers that behave as told, in a namespace: what honest ones say, and what others do.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <thread>

#include "cares_lookup.h"
#include "dns_peer.h"
#include "in_namespace.h"
#include "vpndoctor/dns_prober.h"

namespace vpndoctor {
namespace {

using testing_support::DnsBytes;
using testing_support::DnsPeer;
using testing_support::DnsPeerReply;
using testing_support::in_network_namespace;
using testing_support::PeerNamespace;
using testing_support::reply_with_addresses;
using testing_support::reply_with_code;
using testing_support::run;

constexpr Milliseconds kShort{150};

DnsAsk ask_of(const std::string& server, DnsTransport transport = DnsTransport::kUdp) {
  DnsAsk ask;
  ask.server = *DnsServer::parse(server);
  ask.name = "www.example.org";
  ask.transport = transport;
  return ask;
}

DnsExchange ask_one(const DnsAsk& ask, DnsProbing probing = {}) {
  probing.timeout = kShort;
  probing.duplicate_wait = Milliseconds(120);
  return ask_dns_servers({ask}, probing).front();
}

std::vector<DnsPeerReply> honest(const DnsBytes& question, std::size_t /*before*/) {
  return {{reply_with_addresses(question, {"203.0.113.7"}), {}, {}}};
}

TEST(DnsProber, AnswersOverUdpAndTcpHaveTheirSizeTimeAndTtl) {
  in_network_namespace([] {
    const DnsPeer peer("127.0.0.9", honest);
    for (const DnsTransport transport : {DnsTransport::kUdp, DnsTransport::kTcp}) {
      const DnsExchange exchange = ask_one(ask_of("127.0.0.9", transport));
      EXPECT_EQ(exchange.outcome, DnsOutcome::kAnswered) << exchange.reason;
      EXPECT_EQ(exchange.answers, std::vector<std::string>{"203.0.113.7"});
      EXPECT_EQ(exchange.rcode, 0U);
      EXPECT_EQ(exchange.reply_bytes, 49U);
      EXPECT_TRUE(exchange.rtt.has_value());
      EXPECT_EQ(exchange.sent, 1U);
      EXPECT_EQ(exchange.reply_ttl, transport == DnsTransport::kUdp ? std::optional<std::uint8_t>(64) : std::nullopt);
      EXPECT_EQ(exchange.other_answers, 0U);
    }
  });
}

TEST(DnsProber, ASecondAnswerWithOtherContentIsSeenAndARepeatedOneIsNot) {
  in_network_namespace([] {
    const DnsPeer injected("127.0.0.9", [](const DnsBytes& question, std::size_t) {
      return std::vector<DnsPeerReply>{
          {reply_with_addresses(question, {"203.0.113.66"}), {}, {}},
          {reply_with_addresses(question, {"203.0.113.7"}), std::chrono::milliseconds(20), {}}};
    });
    const DnsPeer repeated("127.0.0.10", [](const DnsBytes& question, std::size_t) {
      return std::vector<DnsPeerReply>{{reply_with_addresses(question, {"203.0.113.7", "203.0.113.8"}), {}, {}},
                                       {reply_with_addresses(question, {"203.0.113.8", "203.0.113.7"}), {}, {}}};
    });
    const DnsExchange first = ask_one(ask_of("127.0.0.9"));
    EXPECT_EQ(first.answers, std::vector<std::string>{"203.0.113.66"});
    EXPECT_EQ(first.other_answers, 1U);
    ASSERT_EQ(first.other_texts.size(), 1U);
    EXPECT_TRUE(first.other_texts[0].starts_with("203.0.113.7, IP TTL 64, after ")) << first.other_texts[0];
    EXPECT_EQ(ask_one(ask_of("127.0.0.10")).other_answers, 0U);
  });
}

TEST(DnsProber, AnswersOfDifferentContentToTwoTriesAreNoInjection) {
  in_network_namespace([] {
    // A server that is slow once and picks another address each time.
    const DnsPeer peer("127.0.0.9", [](const DnsBytes& question, std::size_t before) {
      return std::vector<DnsPeerReply>{{reply_with_addresses(question, {fmt::format("203.0.113.{}", before + 1)}),
                                        std::chrono::milliseconds(before == 0 ? 200 : 0),
                                        {}}};
    });
    const DnsExchange exchange = ask_one(ask_of("127.0.0.9"));
    EXPECT_EQ(exchange.outcome, DnsOutcome::kAnswered);
    EXPECT_EQ(exchange.sent, 2U);
    EXPECT_EQ(exchange.other_answers, 0U);
  });
}

TEST(DnsProber, LossOfTheFirstQuestionIsCounted) {
  in_network_namespace([] {
    const DnsPeer peer("127.0.0.9", [](const DnsBytes& question, std::size_t before) {
      return before == 0 ? std::vector<DnsPeerReply>{} : honest(question, before);
    });
    const DnsExchange exchange = ask_one(ask_of("127.0.0.9"));
    EXPECT_EQ(exchange.outcome, DnsOutcome::kAnswered);
    EXPECT_EQ(exchange.sent, 2U);
    EXPECT_LT(*exchange.rtt, kShort);
  });
}

TEST(DnsProber, SilenceIsToldFromARefusedPort) {
  in_network_namespace([] {
    const DnsPeer silent("127.0.0.9", [](const DnsBytes&, std::size_t) { return std::vector<DnsPeerReply>{}; });
    const DnsExchange exchange = ask_one(ask_of("127.0.0.9"));
    EXPECT_EQ(exchange.outcome, DnsOutcome::kSilent);
    EXPECT_EQ(exchange.sent, 2U);
    const DnsExchange refused = ask_one(ask_of("127.0.0.11"));
    EXPECT_EQ(refused.outcome, DnsOutcome::kUnreachable);
    EXPECT_EQ(refused.reason, "port unreachable, from 127.0.0.11");
    EXPECT_EQ(refused.sent, 1U);
    const DnsExchange tcp = ask_one(ask_of("127.0.0.11", DnsTransport::kTcp));
    EXPECT_EQ(tcp.outcome, DnsOutcome::kUnreachable);
    EXPECT_EQ(tcp.reason, "connection refused");
    const DnsExchange hung_up = ask_one(ask_of("127.0.0.9", DnsTransport::kTcp));
    EXPECT_EQ(hung_up.outcome, DnsOutcome::kMalformed) << hung_up.reason;
  });
}

TEST(DnsProber, SaysThatThereIsNoRoute) {
  in_network_namespace([] {
    for (const DnsTransport transport : {DnsTransport::kUdp, DnsTransport::kTcp}) {
      const DnsExchange exchange = ask_one(ask_of("192.0.2.1", transport));
      EXPECT_EQ(exchange.outcome, DnsOutcome::kUnreachable);
      EXPECT_NE(exchange.reason.find("Network is unreachable"), std::string::npos) << exchange.reason;
    }
  });
}

TEST(DnsProber, SendsNothingWhenItCannotBeBound) {
  in_network_namespace([] {
    const DnsPeer peer("127.0.0.9", honest);
    for (const DnsTransport transport : {DnsTransport::kUdp, DnsTransport::kTcp}) {
      DnsAsk ask = ask_of("127.0.0.9", transport);
      ask.interface = "tun9";
      const DnsExchange exchange = ask_one(ask);
      EXPECT_EQ(exchange.outcome, DnsOutcome::kNotBound);
      EXPECT_EQ(exchange.reason, "there is no interface tun9");
      EXPECT_EQ(exchange.sent, 0U);
      const DnsWayAnswer way = look_up_at_servers({ask}, {}).front();
      EXPECT_EQ(way.outcome, DnsOutcome::kNotBound);
      EXPECT_EQ(way.reason, "there is no interface tun9");
    }
  });
}

TEST(DnsProber, GoesOverTheInterfaceItIsBoundToWhateverTheRoutesSay) {
  in_network_namespace([] {
    const PeerNamespace lan;
    const PeerNamespace vpn;
    int number = 0;
    for (const PeerNamespace* peer : {&lan, &vpn}) {
      const std::string name = number == 0 ? "lan0" : "tun9";
      run(fmt::format("ip link add {} type veth peer name up0 netns {}", name, peer->pid()));
      run(fmt::format("ip addr add 10.0.{}.2/24 dev {}; ip link set {} up", number, name, name));
      peer->run(
          fmt::format("ip addr add 10.0.{}.1/24 dev up0; ip addr add 10.9.9.9/32 dev up0; ip link set up0 up; "
                      "ip link set lo up",
                      number));
      ++number;
    }
    // Both have the same server address; the routes prefer the LAN.
    run("ip route add 10.9.9.9 via 10.0.0.1 metric 1; ip route add 10.9.9.9 via 10.0.1.1 metric 2");
    const auto says = [](const std::string& address) {
      return [address](const DnsBytes& question, std::size_t) {
        return std::vector<DnsPeerReply>{{reply_with_addresses(question, {address}), {}, {}}};
      };
    };
    const DnsPeer lan_server("10.9.9.9", says("192.0.2.1"), {.in_namespace_of = lan.pid()});
    const DnsPeer vpn_server("10.9.9.9", says("192.0.2.2"), {.in_namespace_of = vpn.pid()});
    for (const DnsTransport transport : {DnsTransport::kUdp, DnsTransport::kTcp}) {
      DnsAsk ask = ask_of("10.9.9.9", transport);
      EXPECT_EQ(ask_one(ask).answers, std::vector<std::string>{"192.0.2.1"});
      ask.interface = "tun9";
      EXPECT_EQ(ask_one(ask).answers, std::vector<std::string>{"192.0.2.2"});
      EXPECT_EQ(look_up_at_servers({ask}, {}).front().addresses, std::vector<std::string>{"192.0.2.2"});
    }
  });
}

TEST(DnsProber, WhatIsNoAnswerToTheQuestionDoesNotCount) {
  in_network_namespace([] {
    run("ip addr add 127.0.1.1/8 dev lo");
    const auto as = [](const std::function<void(DnsBytes&)>& damage) {
      return [damage](const DnsBytes& question, std::size_t) {
        DnsBytes reply = reply_with_addresses(question, {"203.0.113.66"});
        damage(reply);
        return std::vector<DnsPeerReply>{{reply, {}, {}}};
      };
    };
    const DnsPeer wrong_id("127.0.0.9", as([](DnsBytes& reply) { reply[0] ^= std::byte{1}; }));
    const DnsPeer wrong_name("127.0.0.10", as([](DnsBytes& reply) { reply[13] = std::byte{'v'}; }));
    const DnsPeer question_back("127.0.0.11", as([](DnsBytes& reply) { reply[2] = std::byte{0x01}; }));
    const DnsPeer cut("127.0.0.12", as([](DnsBytes& reply) { reply.resize(reply.size() - 1); }));
    const DnsPeer elsewhere("127.0.0.13", [](const DnsBytes& question, std::size_t) {
      return std::vector<DnsPeerReply>{{reply_with_addresses(question, {"203.0.113.66"}), {}, "127.0.1.1"}};
    });
    for (int host = 9; host <= 13; ++host) {
      const DnsExchange exchange = ask_one(ask_of(fmt::format("127.0.0.{}", host)));
      EXPECT_EQ(exchange.outcome, DnsOutcome::kMalformed) << host;
      EXPECT_TRUE(exchange.answers.empty());
    }
    for (int host = 9; host <= 12; ++host) {
      const DnsExchange exchange = ask_one(ask_of(fmt::format("127.0.0.{}", host), DnsTransport::kTcp));
      EXPECT_EQ(exchange.outcome, DnsOutcome::kMalformed) << host;
    }
    EXPECT_NE(ask_one(ask_of("127.0.0.13")).reason.find("127.0.1.1 port 53"), std::string::npos);
  });
}

TEST(DnsProber, AsksOtherPortsAndInet6AndLinkLocalServers) {
  in_network_namespace([] {
    run("ip link add v0 type veth peer name v1; ip link set v1 up; ip link set v0 up; "
        "ip addr add fe80::9/64 dev v0 nodad");
    for (const char* address : {"127.0.0.9:5353", "[::1]:5353", "fe80::9%v0"}) {
      const DnsPeer peer(address, honest);
      for (const DnsTransport transport : {DnsTransport::kUdp, DnsTransport::kTcp}) {
        const DnsExchange exchange = ask_one(ask_of(address, transport));
        EXPECT_EQ(exchange.outcome, DnsOutcome::kAnswered) << address << ": " << exchange.reason;
        EXPECT_EQ(exchange.reply_ttl.has_value(), transport == DnsTransport::kUdp) << address;
      }
      const DnsWayAnswer way = look_up_at_servers({ask_of(address)}, {}).front();
      EXPECT_EQ(way.addresses, std::vector<std::string>{"203.0.113.7"}) << address << ": " << way.reason;
      EXPECT_EQ(way.way, address);
    }
  });
}

TEST(DnsProber, SaysThatAnInet6PortIsClosed) {
  in_network_namespace([] {
    EXPECT_EQ(ask_one(ask_of("::1")).reason, "port unreachable, from ::1");
    EXPECT_EQ(ask_one(ask_of("::1", DnsTransport::kTcp)).reason, "connection refused");
  });
}

TEST(DnsProber, ATcpServerThatTakesTheQuestionAndSaysNothingIsSilent) {
  in_network_namespace([] {
    const DnsPeer slow("127.0.0.9", [](const DnsBytes& question, std::size_t) {
      std::this_thread::sleep_for(std::chrono::seconds(30));
      return honest(question, 0);
    });
    const DnsExchange exchange = ask_one(ask_of("127.0.0.9", DnsTransport::kTcp));
    EXPECT_EQ(exchange.outcome, DnsOutcome::kSilent);
    EXPECT_EQ(exchange.reason.substr(0, 15), "it is connected");
  });
}

TEST(DnsProber, AForgeryBesideTheAnswerDoesNotHideIt) {
  in_network_namespace([] {
    const DnsPeer peer("127.0.0.9", [](const DnsBytes& question, std::size_t) {
      DnsBytes forged = reply_with_addresses(question, {"203.0.113.66"});
      forged[1] ^= std::byte{1};
      return std::vector<DnsPeerReply>{{forged, {}, {}}, {reply_with_addresses(question, {"203.0.113.7"}), {}, {}}};
    });
    EXPECT_EQ(ask_one(ask_of("127.0.0.9")).answers, std::vector<std::string>{"203.0.113.7"});
  });
}

TEST(DnsProber, AllServersAreAskedAtOnce) {
  in_network_namespace([] {
    std::vector<DnsAsk> asks;
    asks.reserve(80);
    for (int i = 0; i < 60; ++i) asks.push_back(ask_of(fmt::format("127.0.0.{}", 100 + i)));
    const DnsPeer silent("127.0.0.9", [](const DnsBytes&, std::size_t) { return std::vector<DnsPeerReply>{}; });
    for (int i = 0; i < 20; ++i) asks.push_back(ask_of("127.0.0.9"));
    std::size_t last_done = 0;
    DnsProbing probing;
    probing.timeout = kShort;
    probing.progress = [&last_done](std::size_t done, std::size_t all) {
      EXPECT_EQ(all, 80U);
      last_done = done;
    };
    auto exchanges = ask_dns_servers(asks, probing);
    EXPECT_EQ(last_done, 80U);
    for (std::size_t i = 0; i < exchanges.size(); ++i) {
      EXPECT_EQ(exchanges[i].outcome, i < 60 ? DnsOutcome::kUnreachable : DnsOutcome::kSilent);
    }
    // Interrupted before the first wait, all have been sent.
    const int event = eventfd(1, EFD_CLOEXEC);
    probing.progress = {};
    probing.interrupt_descriptor = event;
    exchanges = ask_dns_servers(asks, probing);
    for (const DnsExchange& exchange : exchanges) EXPECT_EQ(exchange.sent, 1U);
  });
}

TEST(DnsProber, AnInterruptionLeavesWhatIsKnown) {
  in_network_namespace([] {
    const DnsPeer peer("127.0.0.9", honest);
    const DnsPeer silent("127.0.0.10", [](const DnsBytes&, std::size_t) { return std::vector<DnsPeerReply>{}; });
    const int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    DnsProbing probing;
    probing.timeout = std::chrono::minutes(10);
    probing.duplicate_wait = Milliseconds(0);
    probing.interrupt_descriptor = event;
    probing.progress = [event](std::size_t done, std::size_t) {
      if (done == 1) eventfd_write(event, 1);
    };
    const auto exchanges = ask_dns_servers({ask_of("127.0.0.9"), ask_of("127.0.0.10")}, probing);
    EXPECT_EQ(exchanges[0].outcome, DnsOutcome::kAnswered);
    EXPECT_EQ(exchanges[1].outcome, DnsOutcome::kNotAsked);
    EXPECT_EQ(exchanges[1].reason, "interrupted");
  });
}

TEST(DnsProber, AgreesWithCares) {
  in_network_namespace([] {
    const DnsPeer peer("127.0.0.9", [](const DnsBytes& question, std::size_t) -> std::vector<DnsPeerReply> {
      const std::string name = decode_dns_message(question)->question->name;
      if (name == "many.example") return {{reply_with_addresses(question, {"10.0.0.2", "10.0.0.1"}), {}, {}}};
      if (name == "none.example") return {{reply_with_code(question, 0), {}, {}}};
      if (name == "fail.example") return {{reply_with_code(question, kDnsServerFailure), {}, {}}};
      if (name == "no.example") return {{reply_with_code(question, kDnsRefused), {}, {}}};
      if (name == "silent.example") return {};
      return {{reply_with_code(question, kDnsNoSuchName), {}, {}}};
    });
    DnsProbing probing;
    probing.timeout = kShort;
    probing.duplicate_wait = Milliseconds(0);
    std::vector<DnsAsk> asks;
    for (const char* name : {"many", "none", "fail", "no", "silent", "nx"}) {
      asks.push_back(ask_of("127.0.0.9"));
      asks.back().name = std::string(name) + ".example";
    }
    const auto own = ask_dns_servers(asks, probing);
    const auto cares = look_up_at_servers(asks, probing);
    for (std::size_t i = 0; i < asks.size(); ++i) {
      EXPECT_EQ(own[i].outcome, cares[i].outcome) << asks[i].name;
      EXPECT_EQ(own[i].rcode ? dns_rcode_name(*own[i].rcode) : "", cares[i].status);
    }
    EXPECT_EQ(cares[0].addresses, (std::vector<std::string>{"10.0.0.1", "10.0.0.2"}));
  });
}

TEST(DnsProber, CaresGoesToTcpWhenTheAnswerIsTruncatedAndTheProberShowsThatItIs) {
  in_network_namespace([] {
    const DnsPeer peer("127.0.0.9", [](const DnsBytes& question, std::size_t before) {
      return std::vector<DnsPeerReply>{
          {before < 2 ? reply_with_code(question, 0, true) : reply_with_addresses(question, {"10.0.0.1"}), {}, {}}};
    });
    EXPECT_TRUE(ask_one(ask_of("127.0.0.9")).truncated);
    EXPECT_EQ(look_up_at_servers({ask_of("127.0.0.9")}, {}).front().addresses, std::vector<std::string>{"10.0.0.1"});
  });
}

}  // namespace
}  // namespace vpndoctor
