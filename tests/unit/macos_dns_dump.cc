// SPDX-License-Identifier: Apache-2.0
// Resolver configurations of macOS at random, and their dump; see the header.
#include "macos_dns_dump.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cstdint>

namespace vpndoctor::testing_support {
namespace {

using Section = MacosResolver::Section;
using Random = std::mt19937_64;

constexpr std::array<const char*, 9> kLabels = {"corp", "example", "local", "lan",        "a",
                                                "b",    "arpa",    "ts",    "caf\xc3\xa9"};
constexpr std::array<const char*, 5> kInterfaces = {"en0", "en1", "utun4", "utun8", "ppp0"};

unsigned below(Random& random, unsigned most) { return static_cast<unsigned>(random() % most); }
bool one_in(Random& random, unsigned number) { return below(random, number) == 0; }

template <class List>
auto pick(Random& random, const List& list) {
  return list[below(random, static_cast<unsigned>(list.size()))];
}

std::string random_name(Random& random, unsigned most_labels) {
  std::string name = pick(random, kLabels);
  for (unsigned more = below(random, most_labels); more > 0; --more) name += std::string(".") + pick(random, kLabels);
  return name;
}

DnsServer random_server(Random& random) {
  DnsServer server;
  const unsigned number = 1 + below(random, 6);
  if (one_in(random, 3)) {
    server.address = *IpAddress::parse(fmt::format("fe80::{:x}", number));
    server.zone = pick(random, kInterfaces);
  } else {
    server.address = *IpAddress::parse(one_in(random, 3) ? fmt::format("2001:db8::{:x}", number)
                                                         : fmt::format("192.0.2.{}", number));
  }
  return server;
}

std::vector<std::string> random_reach(Random& random) {
  constexpr std::array<const char*, 4> kMore = {"Transient Connection", "Connection Required", "Local Address",
                                                "Directly Reachable Address"};
  if (one_in(random, 4)) return {"Not Reachable"};
  std::vector<std::string> words = {"Reachable"};
  if (one_in(random, 2)) words.emplace_back(pick(random, kMore));
  return words;
}

std::vector<std::string> random_flags(Random& random, Section section) {
  std::vector<std::string> flags;
  if (section == Section::kScoped) flags.emplace_back("Scoped");
  if (section == Section::kServiceSpecific) flags.emplace_back("Service-specific");
  if (one_in(random, 3)) flags.emplace_back("Supplemental");
  if (!one_in(random, 6)) flags.emplace_back("Request A records");
  if (!one_in(random, 3)) flags.emplace_back("Request AAAA records");
  if (one_in(random, 20)) flags.emplace_back("0x00010000");
  return flags;
}

void draw_rare_fields(Random& random, MacosResolver& resolver) {
  if (one_in(random, 6)) resolver.sort_addresses = {"10.0.0.0/255.0.0.0"};
  if (one_in(random, 5)) resolver.timeout_seconds = 1 + below(random, 30);
  if (resolver.section == Section::kServiceSpecific) resolver.service_identifier = 1 + below(random, 99);
  if (one_in(random, 10)) resolver.port = static_cast<std::uint16_t>(1 + below(random, 65535));
  if (one_in(random, 15)) resolver.port = 5353;
}

MacosResolver random_resolver(Random& random, Section section, unsigned number) {
  MacosResolver resolver;
  resolver.section = section;
  resolver.number = number;
  if (!one_in(random, 3)) resolver.domain = random_name(random, 3);
  if (one_in(random, 3)) resolver.search = {random_name(random, 3), random_name(random, 2)};
  if (one_in(random, 5)) {
    resolver.options = one_in(random, 4) ? "interface=en0" : "mdns";
  }
  if (resolver.options != "mdns" && !one_in(random, 8)) {
    for (unsigned more = 1 + below(random, 3); more > 0; --more) resolver.servers.push_back(random_server(random));
  }
  if (section == Section::kScoped || one_in(random, 2)) {
    resolver.interface_index = 1 + static_cast<int>(below(random, 40));
    if (!one_in(random, 8)) resolver.interface = pick(random, kInterfaces);
  }
  draw_rare_fields(random, resolver);
  for (DnsServer& server : resolver.servers) server.port = resolver.port.value_or(kDnsPort);
  resolver.flags = random_flags(random, section);
  resolver.reach = random_reach(random);
  resolver.order = one_in(random, 4) ? 0 : 100000 + 200 * below(random, 5);
  return resolver;
}

/// Writes the fields of one resolver, one a line.
class DumpWriter {
 public:
  DumpWriter(const DumpForm& form, std::string& out) : form_(form), out_(out) {}

  void line(const std::string& text) { out_ += text + form_.line_end; }
  void field(const std::string& name, const std::string& value) {
    line(fmt::format("{}{:<9}: {}", form_.left_aligned ? "" : "  ", name, value));
  }
  void named(const std::string& name, const std::string& value) {
    line(fmt::format("{}{} : {}", form_.left_aligned ? "" : "  ", name, value));
  }

  void resolver(const MacosResolver& each) {
    line("");
    line(fmt::format("resolver #{}", each.number));
    if (!each.domain.empty()) field("domain", each.domain);
    for (std::size_t i = 0; i < each.search.size(); ++i) named(fmt::format("search domain[{}]", i), each.search[i]);
    for (std::size_t i = 0; i < each.servers.size(); ++i) {
      const DnsServer& server = each.servers[i];
      named(fmt::format("nameserver[{}]", i),
            server.zone.empty() ? server.address.to_string() : fmt::format("{}%{}", server.address, server.zone));
    }
    for (std::size_t i = 0; i < each.sort_addresses.size(); ++i) {
      named(fmt::format("sortaddr[{}]", i), each.sort_addresses[i]);
    }
    if (!each.options.empty()) field("options", each.options);
    numbers(each);
    field("flags", form_.debug ? fmt::format("0x0000001f ({})", fmt::join(each.flags, ", "))
                               : fmt::format("{}", fmt::join(each.flags, ", ")));
    const std::string reach = fmt::format("{}", fmt::join(each.reach, ","));
    field("reach", form_.old_reach ? reach : fmt::format("0x00000002 ({})", reach));
    if (each.order != 0) field("order", std::to_string(each.order));
    if (form_.debug) named("config id:", "abc : def");
  }

 private:
  void numbers(const MacosResolver& each) {
    // The port is printed as a signed short.
    if (each.port) field("port", std::to_string(static_cast<std::int16_t>(*each.port)));
    if (each.timeout_seconds) field("timeout", std::to_string(*each.timeout_seconds));
    if (each.interface_index) {
      named("if_index", fmt::format("{} ({})", *each.interface_index, each.interface.empty() ? "?" : each.interface));
    }
    if (each.service_identifier) named("service_identifier", std::to_string(*each.service_identifier));
  }

  const DumpForm& form_;
  std::string& out_;
};

}  // namespace

MacosDns random_macos_dns(Random& random) {
  MacosDns dns;
  for (const Section section : {Section::kUnscoped, Section::kScoped, Section::kServiceSpecific}) {
    if (section != Section::kUnscoped && one_in(random, 4)) continue;
    const unsigned count = below(random, section == Section::kServiceSpecific ? 3 : 8);
    for (unsigned number = 1; number <= count; ++number) {
      dns.resolvers.push_back(random_resolver(random, section, number));
    }
  }
  return dns;
}

std::string random_macos_name(Random& random) { return random_name(random, 4); }

std::string print_scutil_dns(const MacosDns& dns, const DumpForm& form) {
  std::string out;
  DumpWriter writer(form, out);
  if (!dns.has_configuration) {
    writer.line("No DNS configuration available");
    return out;
  }
  writer.line("DNS configuration");
  Section section = Section::kUnscoped;
  for (const MacosResolver& each : dns.resolvers) {
    if (each.section != section) {
      section = each.section;
      writer.line("");
      writer.line(section == Section::kScoped ? "DNS configuration (for scoped queries)"
                                              : "DNS configuration (for service-specific queries)");
    }
    writer.resolver(each);
  }
  return out;
}

}  // namespace vpndoctor::testing_support
