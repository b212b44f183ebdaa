// SPDX-License-Identifier: Apache-2.0
// Dumps of `scutil --dns` of any content, and what is explained by them.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "vpndoctor/dns_explain.h"
#include "vpndoctor/macos_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto dns = vpndoctor::parse_macos_scutil_dns(text);
  if (!dns) return 0;
  if (dns->resolvers.size() > 512 || dns->not_understood.size() > 20) __builtin_trap();
  vpndoctor::Snapshot snapshot;
  snapshot.platform = vpndoctor::Platform::kMacos;
  const std::string name = dns->resolvers.empty() ? "nas" : "www." + dns->resolvers.back().domain;
  snapshot.dns.macos = vpndoctor::Observed<vpndoctor::MacosDns>(std::move(*dns), "fuzzer");
  for (const auto caller : {vpndoctor::DnsCaller::kLibc, vpndoctor::DnsCaller::kDirect, vpndoctor::DnsCaller::kBound}) {
    const auto path = vpndoctor::explain_macos(
        snapshot, {.name = name, .type = vpndoctor::kDnsTypeA, .caller = caller, .interface = "en0"});
    if (path.asked.size() > 2048) __builtin_trap();
  }
  return 0;
}
