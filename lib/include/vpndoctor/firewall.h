// SPDX-License-Identifier: Apache-2.0
// The packet filter as the kernel has it, and what it does to a packet that this machine sends or forwards. Model of
// nf_tables with the xtables extensions that iptables-nft puts into it; whatever is not modelled makes an answer
// unknown only when it decides it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/flow.h"
#include "vpndoctor/network.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct Snapshot;

/// What an immediate verdict, or the element of a verdict map, says (NFTA_VERDICT_CODE).
enum class FirewallAction : std::uint8_t {
  kNone,  ///< it is no verdict
  kContinue,
  kBreak,
  kReturn,
  kJump,
  kGoto,
  kAccept,
  kDrop,
  kQueue,  ///< a program decides
  kOther,  ///< a code that this version does not know
};

struct FirewallDecision {
  FirewallAction action = FirewallAction::kNone;
  std::string chain = {};  ///< of a jump or goto
  bool operator==(const FirewallDecision&) const = default;
};

/// One step of a rule, by the kernel's name and with the kernel's numbers (linux/netfilter/nf_tables.h). Which fields
/// mean something depends on the name; the others are zero. An xtables match or target that is understood is told by
/// the steps that do the same; one that is not is "match" or "target" with its name as `subject`. Two names are our
/// own: "among" (the value of `source`, or of `second_source` where that is given, is in one of the ranges of `data`:
/// each `length` bytes from and as many to; `operation` 1 negates) and "unless" (what follows in `offset` steps is one
/// condition that is negated).
struct FirewallExpression {
  std::string name;                 ///< "payload", "meta", "cmp", "lookup", "immediate", "reject", ...
  std::string subject = {};         ///< a set's, object's or extension's name
  std::uint32_t source = 0;         ///< register that is read, in words of four bytes: 4 to 19; 0: none
  std::uint32_t second_source = 0;  ///< of a bitwise operation on two registers
  std::uint32_t destination = 0;    ///< register that is written; 0: none
  std::uint32_t key = 0;            ///< of meta, ct, rt, socket; payload's base; fib's result; exthdr's type
  std::uint32_t operation = 0;      ///< of cmp, range, bitwise, byteorder, exthdr
  std::uint32_t offset = 0;         ///< of payload and exthdr
  std::uint32_t length = 0;         ///< bytes
  std::uint32_t flags = 0;       ///< of lookup, fib, exthdr; size of byteorder; direction + 1 of ct; of meta: 1 when a
                                 ///< packet without a socket has the user and group 0xffffffff (xt_owner.c)
  std::string data = {};         ///< raw bytes as in registers: a value, a mask, a range's start, a shift
  std::string second_data = {};  ///< the same: a range's end, what a mask is followed by (exclusive or)
  FirewallDecision decision = {};  ///< of an immediate verdict
  bool operator==(const FirewallExpression&) const = default;
};

struct FirewallRule {
  std::uint64_t handle = 0;
  std::string comment = {};
  std::vector<FirewallExpression> expressions = {};
  bool operator==(const FirewallRule&) const = default;
};

/// Where a base chain is hooked in (NF_INET_*, NF_NETDEV_*).
enum class FirewallHook : std::uint8_t {
  kNone,
  kIngress,
  kPrerouting,
  kInput,
  kForward,
  kOutput,
  kPostrouting,
  kEgress
};
const char* firewall_hook_name(FirewallHook hook);  ///< "output", ...; "" for none

struct FirewallChain {
  std::string name;
  std::string type = {};                    ///< of a base chain: "filter", "route", "nat"; empty: a regular chain
  FirewallHook hook = FirewallHook::kNone;  ///< none: a regular chain
  std::int32_t priority = 0;                ///< lower ones come first
  bool drops_by_default = false;            ///< its policy is drop
  std::vector<std::string> devices = {};    ///< of ingress and egress; "eth*" for a prefix
  std::vector<FirewallRule> rules = {};
  bool operator==(const FirewallChain&) const = default;
};

/// NFT_SET_*, and one of our own.
enum FirewallSetFlag : std::uint32_t {
  kFirewallSetInterval = 0x4,
  kFirewallSetMap = 0x8,
  kFirewallSetTimeout = 0x10,
  kFirewallSetDynamic = 0x20,
  kFirewallSetObjects = 0x40,
  kFirewallSetDecides = 0x80000000,  ///< an element may refuse a packet that it matches: it has a rate limit or quota
};

struct FirewallElement {
  std::string key = {};      ///< raw bytes, as in registers; empty for a catch-all
  std::string key_end = {};  ///< of a range of concatenated fields; empty: none
  std::string data = {};     ///< of a map, unless it is a verdict
  FirewallDecision decision = {};
  bool is_interval_end = false;  ///< where an interval without `key_end` ends; it is not part of it
  bool is_catch_all = false;
  bool operator==(const FirewallElement&) const = default;
};

struct FirewallSet {
  std::string name;
  std::uint32_t flags = 0;  ///< FirewallSetFlag and other NFT_SET_*
  std::uint32_t key_bytes = 0;
  std::vector<std::uint32_t> field_bytes = {};  ///< of a concatenation: each starts at a multiple of four
  std::vector<FirewallElement> elements = {};
  bool is_cut = false;  ///< `elements` has not all
  bool operator==(const FirewallSet&) const = default;
};

struct FirewallTable {
  std::string family;  ///< "ip", "ip6", "inet", "netdev", "bridge", "arp"
  std::string name;
  bool is_dormant = false;
  std::vector<FirewallChain> chains = {};
  std::vector<FirewallSet> sets = {};
  bool operator==(const FirewallTable&) const = default;
};

/// What else filters the packets that leave by one interface, and is not modelled.
struct FirewallDeviceFilter {
  std::string interface;
  std::string what;  ///< a phrase: "an eBPF program is attached to eth0 (tc clsact)"
  bool operator==(const FirewallDeviceFilter&) const = default;
};

/// The rulesets of one network namespace.
struct Firewall {
  std::vector<FirewallTable> tables;  ///< in the order in which they were made
  /// What filters packets beside nf_tables and is not modelled, a phrase each: "iptables-legacy has the table filter
  /// (/proc/net/ip_tables_names)".
  std::vector<std::string> others;
  std::vector<FirewallDeviceFilter> device_filters = {};
  bool others_may_mark = {};  ///< something of them runs before the filter chains and may change a packet's mark
  bool is_big_endian = {};    ///< the byte order of numbers in registers
  bool operator==(const Firewall&) const = default;
};

enum class FirewallVerdict : std::uint8_t { kAccepted, kDropped, kUnknown };
const char* firewall_verdict_name(FirewallVerdict verdict);  ///< "accepted", "dropped", "unknown"

/// What becomes of a packet, and which rule or policy says so.
struct FirewallAnswer {
  FirewallVerdict verdict = FirewallVerdict::kUnknown;
  std::string why;  ///< a phrase: "the policy of chain output of table inet mullvad is drop"
  /// Where it leaves in the end: another interface when a rule changed its mark and it was routed again.
  std::string interface = {};
};

/// What the hooks that a packet of this machine passes (output, postrouting, egress) do to a new flow that leaves by
/// `interface`. Where the facet is missing or cut: unknown with its reason.
FirewallAnswer simulate_output(const Snapshot& snapshot, const Flow& flow, const std::string& interface);
/// The same for a forwarded packet that came in by `flow.input_interface` (prerouting, forward, postrouting, egress).
FirewallAnswer simulate_forward(const Snapshot& snapshot, const Flow& flow, const std::string& interface);

}  // namespace vpndoctor
