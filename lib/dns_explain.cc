// SPDX-License-Identifier: Apache-2.0
// Which ways a name has, which model answers for each, and the words of explanations; see the header.
#include "vpndoctor/dns_explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "dns_checks.h"
#include "dns_forwarder.h"
#include "dns_leaks.h"
#include "dns_paths.h"

namespace vpndoctor {
namespace {

constexpr auto kTypes = std::to_array<std::pair<std::uint16_t, const char*>>({
    {kDnsTypeA, "A"},     {kDnsTypeNs, "NS"},     {kDnsTypeCname, "CNAME"},
    {kDnsTypeSoa, "SOA"}, {kDnsTypePtr, "PTR"},   {kDnsTypeMx, "MX"},
    {kDnsTypeTxt, "TXT"}, {kDnsTypeAaaa, "AAAA"}, {kDnsTypeSrv, "SRV"},
    {35, "NAPTR"},        {39, "DNAME"},          {kDnsTypeOpt, "OPT"},
    {43, "DS"},           {44, "SSHFP"},          {46, "RRSIG"},
    {47, "NSEC"},         {48, "DNSKEY"},         {50, "NSEC3"},
    {52, "TLSA"},         {64, "SVCB"},           {kDnsTypeHttps, "HTTPS"},
    {255, "ANY"},         {256, "URI"},           {257, "CAA"},
});

bool is_macos(const Snapshot& snapshot) { return snapshot.platform == Platform::kMacos || snapshot.dns.macos; }

DnsPath stub_path(const Snapshot& snapshot, const DnsQuestion& question) {
  DnsPath path;
  path.why_none = is_macos(snapshot) ? "macOS has no systemd-resolved" : why_no_stub(snapshot);
  if (!path.why_none.empty()) return path;
  if (!snapshot.dns.resolved) {
    const std::string& why = snapshot.dns.resolved.why_missing();
    if (snapshot.dns.resolved.is_absent()) {
      path.why_none = why;
      return path;
    }
    path.uncertain = fmt::format("what systemd-resolved asks is not known: {}", why);
    path.leaks_to.reset();
    path.why_leaks_unknown = path.uncertain;
    return path;
  }
  path = explain_resolved(snapshot, question, true);
  if (path.uncertain.empty() && !snapshot.dns.resolved->runs) {
    path.uncertain = "whether systemd-resolved runs is not known";
  }
  return path;
}

DnsPath bound_path(const DnsGround& ground, const DnsQuestion& question) {
  const Snapshot& snapshot = ground.snapshot;
  if (snapshot.links && snapshot.find_link(question.interface) == nullptr) {
    DnsPath path;
    path.why_none = fmt::format("there is no interface {}", question.interface);
    return path;
  }
  return explain_resolv_conf(ground, question, false);
}

DnsPath path_of(const DnsGround& ground, const DnsQuestion& question) {
  if (question.caller == DnsCaller::kStub) return stub_path(ground.snapshot, question);
  if (is_macos(ground.snapshot)) return explain_macos(ground.snapshot, question);
  if (question.caller == DnsCaller::kLibc) return explain_libc(ground, question);
  if (question.caller == DnsCaller::kBound) return bound_path(ground, question);
  return explain_resolv_conf(ground, question, false);
}

DnsPath explain_path(const DnsGround& ground, const DnsQuestion& question) {
  DnsPath path = path_of(ground, question);
  path.caller = question.caller;
  path.interface = question.caller == DnsCaller::kBound ? question.interface : std::string();
  find_dns_leaks(ground, path);
  return path;
}

}  // namespace

const char* dns_caller_name(DnsCaller caller) {
  switch (caller) {
    case DnsCaller::kLibc:
      return "libc";
    case DnsCaller::kStub:
      return "stub";
    case DnsCaller::kDirect:
      return "direct";
    case DnsCaller::kBound:
      break;
  }
  return "bound";
}

std::string DnsScore::to_string() const {
  switch (rank) {
    case Rank::kNo:
      return "no";
    case Rank::kLastResort:
      return "last resort";
    case Rank::kMaybe:
      return "maybe";
    case Rank::kYes:
      break;
  }
  return fmt::format("yes+{}", labels);
}

DnsPath explain_dns_path(const Snapshot& snapshot, const DnsQuestion& question) {
  return explain_path(DnsGround(snapshot), question);
}

DnsExplanation explain_dns(const Snapshot& snapshot, const std::string& name, std::uint16_t type,
                           const std::vector<std::string>& interfaces) {
  const DnsGround ground(snapshot);
  DnsExplanation explanation{name, type, {}};
  std::vector<DnsCaller> callers = {DnsCaller::kLibc, DnsCaller::kStub, DnsCaller::kDirect};
  if (is_macos(snapshot)) std::erase(callers, DnsCaller::kStub);
  for (const DnsCaller caller : callers) explanation.paths.push_back(explain_path(ground, {name, type, caller, {}}));
  for (const std::string& interface : interfaces) {
    explanation.paths.push_back(explain_path(ground, {name, type, DnsCaller::kBound, interface}));
  }
  return explanation;
}

std::string dns_type_name(std::uint16_t type) {
  const auto found = std::ranges::find(kTypes, type, &decltype(kTypes)::value_type::first);
  return found == kTypes.end() ? fmt::format("TYPE{}", type) : found->second;
}

std::optional<std::uint16_t> parse_dns_type(std::string_view text) {
  std::string upper(text);
  std::ranges::transform(upper, upper.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  for (const auto& [type, name] : kTypes) {
    if (upper == name) return type;
  }
  std::string_view digits = upper;
  if (digits.starts_with("TYPE")) digits.remove_prefix(4);  // RFC 3597
  std::uint16_t type = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), type);
  if (error != std::errc() || end != digits.data() + digits.size() || type == 0) return std::nullopt;
  return type;
}

}  // namespace vpndoctor
