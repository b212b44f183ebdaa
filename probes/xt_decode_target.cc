// SPDX-License-Identifier: Apache-2.0
// Targets of xtables, as steps of nf_tables that do the same. See nft_decode.h.
#include <linux/netfilter/xt_CONNMARK.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_MARK.h>

#include <algorithm>
#include <array>

#include "nft_decode.h"
#include "xt_steps.h"

namespace vpndoctor {
namespace {

using Steps = std::optional<std::vector<FirewallExpression>>;

/// Those that leave the packet alone, or what no rule and no route looks at, and let the next rule go on.
constexpr auto kHarmless = std::to_array<std::string_view>({"ACCOUNT", "AUDIT", "CHECKSUM", "CLASSIFY", "CONNSECMARK",
                                                            "IDLETIMER", "LED", "LOG", "NFLOG", "RATEEST", "SECMARK",
                                                            "SET", "TCPMSS", "TCPOPTSTRIP", "TEE", "TRACE"});

struct Renamed {
  std::string_view target;
  std::string_view step;
};
constexpr auto kRenamed = std::to_array<Renamed>({
    {"DNAT", "nat"},
    {"MASQUERADE", "masq"},
    {"NETMAP", "nat"},
    {"NFQUEUE", "queue"},
    {"NOTRACK", "notrack"},
    {"REDIRECT", "redir"},
    {"REJECT", "reject"},
    {"SNAT", "nat"},
    {"SYNPROXY", "synproxy"},
});

std::vector<FirewallExpression> single(std::string_view name, std::string_view subject) {
  return {{.name = std::string(name), .subject = std::string(subject)}};
}

/// mark_tg(): skb->mark = (skb->mark & ~info->mask) ^ info->mark.
Steps put_mark(const XtExtension& target) {
  const auto info = read_at<xt_mark_tginfo2>(target.info);
  if (!info || target.revision != 2) return std::nullopt;
  XtSteps steps;
  steps.meta(NFT_META_MARK).mask(~info->mask, info->mark).set_mark();
  return steps.take();
}

/// connmark_tg() without a shift.
Steps put_connection_mark(const XtExtension& target) {
  const auto info = read_at<xt_connmark_tginfo1>(target.info);
  const auto shifted = read_at<xt_connmark_tginfo2>(target.info);
  std::uint8_t mode = info ? info->mode : std::uint8_t{0};
  if (target.revision == 2 && shifted) mode = shifted->mode;
  const bool is_shifted = target.revision == 2 && shifted && shifted->shift_bits != 0;
  if (!info || target.revision < 1 || target.revision > 2 || is_shifted) return std::nullopt;
  XtSteps steps;
  if (mode == XT_CONNMARK_SET) {
    steps.connection(NFT_CT_MARK).mask(~info->ctmask, info->ctmark).set_connection_mark();
  } else if (mode == XT_CONNMARK_SAVE) {
    steps.connection(NFT_CT_MARK).mask(~info->ctmask, 0);
    steps.meta(NFT_META_MARK, kSecondRegister).mask(info->nfmask, 0, kSecondRegister);
    steps.combine().set_connection_mark();
  } else {
    steps.connection(NFT_CT_MARK, kSecondRegister).mask(info->ctmask, 0, kSecondRegister);
    steps.meta(NFT_META_MARK).mask(~info->nfmask, 0);
    steps.combine().set_mark();
  }
  return steps.take();
}

Steps connection(const XtExtension& target) {
  const auto info = read_at<xt_ct_target_info>(target.info);
  if (!info) return std::nullopt;
  const bool is_untracked = (info->flags & XT_CT_NOTRACK) != 0;
  return single(is_untracked ? "notrack" : "log", target.name);
}

}  // namespace

std::optional<std::vector<FirewallExpression>> decode_xt_target(const XtExtension& target) {
  if (target.name == "MARK") return put_mark(target);
  if (target.name == "CONNMARK") return put_connection_mark(target);
  if (target.name == "CT") return connection(target);
  if (std::ranges::find(kHarmless, target.name) != kHarmless.end()) return single("log", target.name);
  const auto renamed = std::ranges::find(kRenamed, target.name, &Renamed::target);
  if (renamed == kRenamed.end()) return std::nullopt;
  return single(renamed->step, target.name);
}

}  // namespace vpndoctor
