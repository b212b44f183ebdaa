// SPDX-License-Identifier: Apache-2.0
// Decodes the messages of nf_tables (net/netfilter/nf_tables_api.c nf_tables_fill_*_info()) into the values of
// firewall.h. Pure: the same on recorded bytes as on live ones. Judges nothing; a malformed message is nullopt, a step
// of a rule that is not understood keeps its name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "netlink_attributes.h"
#include "vpndoctor/firewall.h"

namespace vpndoctor {

/// What a message of nf_tables belongs to.
struct NftOwner {
  std::string family;  ///< "ip", "inet", ...; a number for one that is not known
  std::string table;
};
struct NftChain {
  NftOwner owner;
  FirewallChain chain;
};
struct NftRule {
  NftOwner owner;
  std::string chain;
  FirewallRule rule;
};
struct NftSet {
  NftOwner owner;
  FirewallSet set;
};
struct NftElements {
  NftOwner owner;
  std::string set;
  std::vector<FirewallElement> elements;
};

/// Decode the payloads of NFT_MSG_NEWTABLE, _NEWCHAIN, _NEWRULE, _NEWSET, _NEWSETELEM and _NEWGEN.
std::optional<FirewallTable> decode_nft_table(Bytes payload);
std::optional<NftChain> decode_nft_chain(Bytes payload);
std::optional<NftRule> decode_nft_rule(Bytes payload);
std::optional<NftSet> decode_nft_set(Bytes payload);
std::optional<NftElements> decode_nft_elements(Bytes payload);
std::optional<std::uint32_t> decode_nft_generation(Bytes payload);

/// NFPROTO_* of a table's family; NFPROTO_UNSPEC, 0, for one that is not known.
std::uint8_t nft_family_number(std::string_view family);

/// Decodes NFTA_EXPR_*, one expression, and appends the steps that it is; false when it is malformed. `family` is the
/// table's; a comment of xtables goes to `comment`.
bool decode_nft_expression(Bytes attributes, std::string_view family, std::vector<FirewallExpression>& steps,
                           std::string& comment);

/// Decodes NFTA_DATA_*: a value into `value`, or a verdict into `decision`. False when it is malformed.
bool decode_nft_data(Bytes attributes, std::string& value, FirewallDecision& decision);

/// A number of nf_tables: most significant byte first. nullopt when the length differs.
std::optional<std::uint32_t> nft_number(const NetlinkAttribute& attribute);

/// An extension of xtables in a rule.
struct XtExtension {
  std::string_view name;
  std::uint32_t revision = 0;
  Bytes info;
  std::string_view family;
};
/// The steps that do what a match or a target of xtables does (net/netfilter/xt_*.c); nullopt for one that is not
/// understood.
std::optional<std::vector<FirewallExpression>> decode_xt_match(const XtExtension& match);
std::optional<std::vector<FirewallExpression>> decode_xt_target(const XtExtension& target);

}  // namespace vpndoctor
