// SPDX-License-Identifier: Apache-2.0
// Reads nf_tables whole, as one generation of it; see leak_facets.h. Reads again when it changed meanwhile. Does not
// make the kernel load nf_tables where it is a module that is not loaded.
#include <fmt/format.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <map>
#include <tuple>
#include <utility>

#include "leak_facets.h"
#include "netlink.h"
#include "nft_decode.h"
#include "other_filters.h"
#include "proc_files.h"

namespace vpndoctor {
namespace {

constexpr int kMostAttempts = 5;
constexpr std::size_t kMostRules = 200'000;
constexpr std::size_t kMostElements = 400'000;
constexpr std::size_t kMostModuleBytes = 1 << 20;

/// One reading of the whole ruleset.
struct Reading {
  Firewall firewall;
  std::vector<std::string> limits;
  bool is_torn = false;
};

NlMessage nft_message(unsigned kind, int flags, std::string_view family = {}) {
  NlMessage message = netlink_message(static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8U) | kind), flags);
  if (!message) return message;
  const nfgenmsg header{nft_family_number(family), NFNETLINK_V0, 0};
  nlmsg_append(message.get(), const_cast<nfgenmsg*>(&header), sizeof header, NLMSG_ALIGNTO);
  return message;
}

/// An errno that is a refusal is kept.
Result<NetlinkReply> ask(nl_msg* message) {
  if (message == nullptr) return failure(ErrorKind::kInternal, "build a netlink request");
  return netlink_exchange(NETLINK_NETFILTER, *message);
}

bool is_of_type(const NetlinkMessage& message, unsigned kind) {
  return message.type == ((NFNL_SUBSYS_NFTABLES << 8U) | kind);
}

class NftReader {
 public:
  /// An Error when nf_tables cannot be asked at all.
  Result<Reading> read() {
    const auto before = generation();
    if (!before) return std::unexpected(before.error());
    for (const auto part : {&NftReader::read_tables, &NftReader::read_chains, &NftReader::read_rules,
                            &NftReader::read_sets, &NftReader::read_elements}) {
      const auto done = (this->*part)();
      if (!done) return std::unexpected(done.error());
    }
    const auto after = generation();
    if (!after) return std::unexpected(after.error());
    reading_.is_torn = reading_.is_torn || *before != *after;
    return std::move(reading_);
  }

 private:
  using Key = std::tuple<std::string, std::string, std::string>;

  Result<std::uint32_t> generation();
  Result<bool> read_tables();
  Result<bool> read_chains();
  Result<bool> read_rules();
  Result<bool> read_sets();
  Result<bool> read_elements();
  Result<bool> read_set(const FirewallTable& table, FirewallSet& set);
  Result<NetlinkReply> dump(unsigned kind);
  FirewallTable* find(const NftOwner& owner);
  void limit(std::string text) {
    if (std::ranges::find(reading_.limits, text) == reading_.limits.end()) reading_.limits.push_back(std::move(text));
  }

  Reading reading_;
  std::map<std::pair<std::string, std::string>, std::size_t> tables_;
  std::size_t elements_ = 0;
};

std::unexpected<Error> refused(int error_number, const std::string& why) {
  const bool is_permission = error_number == EPERM || error_number == EACCES;
  return failure(is_permission ? ErrorKind::kPermission : ErrorKind::kUnavailable,
                 is_permission ? "only root may read it" : why);
}

Result<std::uint32_t> NftReader::generation() {
  const NlMessage message = nft_message(NFT_MSG_GETGEN, 0);
  const auto reply = ask(message.get());
  if (!reply) return std::unexpected(reply.error());
  if (reply->error_number != 0) return refused(reply->error_number, reply->why());
  for (const NetlinkMessage& each : reply->messages) {
    const auto number = is_of_type(each, NFT_MSG_NEWGEN) ? decode_nft_generation(each.payload) : std::nullopt;
    if (number) return *number;
  }
  return failure(ErrorKind::kUnavailable, "the kernel's answer is malformed");
}

Result<NetlinkReply> NftReader::dump(unsigned kind) {
  const NlMessage message = nft_message(kind, NLM_F_DUMP);
  auto reply = ask(message.get());
  if (!reply) return reply;
  if (reply->error_number != 0) return refused(reply->error_number, reply->why());
  reading_.is_torn = reading_.is_torn || reply->interrupted;
  return reply;
}

FirewallTable* NftReader::find(const NftOwner& owner) {
  const auto found = tables_.find({owner.family, owner.table});
  // A table that came since the tables were read: the generation tells as well.
  if (found == tables_.end()) reading_.is_torn = true;
  return found == tables_.end() ? nullptr : &reading_.firewall.tables[found->second];
}

Result<bool> NftReader::read_tables() {
  const auto reply = dump(NFT_MSG_GETTABLE);
  if (!reply) return std::unexpected(reply.error());
  for (const NetlinkMessage& each : reply->messages) {
    if (!is_of_type(each, NFT_MSG_NEWTABLE)) continue;
    auto table = decode_nft_table(each.payload);
    if (!table) {
      limit("a table is not understood");
      continue;
    }
    tables_.emplace(std::pair{table->family, table->name}, reading_.firewall.tables.size());
    reading_.firewall.tables.push_back(std::move(*table));
  }
  return true;
}

Result<bool> NftReader::read_chains() {
  const auto reply = dump(NFT_MSG_GETCHAIN);
  if (!reply) return std::unexpected(reply.error());
  for (const NetlinkMessage& each : reply->messages) {
    if (!is_of_type(each, NFT_MSG_NEWCHAIN)) continue;
    auto chain = decode_nft_chain(each.payload);
    if (!chain) limit("a chain is not understood");
    FirewallTable* table = chain ? find(chain->owner) : nullptr;
    if (table != nullptr) table->chains.push_back(std::move(chain->chain));
  }
  return true;
}

Result<bool> NftReader::read_rules() {
  const auto reply = dump(NFT_MSG_GETRULE);
  if (!reply) return std::unexpected(reply.error());
  std::map<Key, FirewallChain*> chains;
  for (FirewallTable& table : reading_.firewall.tables) {
    for (FirewallChain& chain : table.chains) chains[{table.family, table.name, chain.name}] = &chain;
  }
  std::size_t count = 0;
  for (const NetlinkMessage& each : reply->messages) {
    if (!is_of_type(each, NFT_MSG_NEWRULE)) continue;
    if (++count > kMostRules) {
      limit(fmt::format("it has more than {} rules", kMostRules));
      break;
    }
    auto rule = decode_nft_rule(each.payload);
    if (!rule) {
      limit("a rule is not understood");
      continue;
    }
    const auto chain = chains.find({rule->owner.family, rule->owner.table, rule->chain});
    if (chain != chains.end()) chain->second->rules.push_back(std::move(rule->rule));
  }
  return true;
}

Result<bool> NftReader::read_sets() {
  const auto reply = dump(NFT_MSG_GETSET);
  if (!reply) return std::unexpected(reply.error());
  for (const NetlinkMessage& each : reply->messages) {
    if (!is_of_type(each, NFT_MSG_NEWSET)) continue;
    auto set = decode_nft_set(each.payload);
    if (!set) limit("a set is not understood");
    FirewallTable* table = set ? find(set->owner) : nullptr;
    if (table != nullptr) table->sets.push_back(std::move(set->set));
  }
  return true;
}

Result<bool> NftReader::read_elements() {
  for (FirewallTable& table : reading_.firewall.tables) {
    for (FirewallSet& set : table.sets) {
      const auto done = read_set(table, set);
      if (!done) return done;
    }
  }
  return true;
}

/// By key, an interval's end before the next one's start: the order that a look-up wants.
void sort_elements(FirewallSet& set) {
  std::ranges::stable_sort(set.elements, [](const FirewallElement& left, const FirewallElement& right) {
    if (left.key != right.key) return left.key < right.key;
    return left.is_interval_end && !right.is_interval_end;
  });
}

Result<bool> NftReader::read_set(const FirewallTable& table, FirewallSet& set) {
  const NlMessage message = nft_message(NFT_MSG_GETSETELEM, NLM_F_DUMP, table.family);
  if (!message) return failure(ErrorKind::kInternal, "build a netlink request");
  nla_put_string(message.get(), NFTA_SET_ELEM_LIST_TABLE, table.name.c_str());
  nla_put_string(message.get(), NFTA_SET_ELEM_LIST_SET, set.name.c_str());
  const auto reply = netlink_exchange(NETLINK_NETFILTER, *message);
  if (!reply) return std::unexpected(reply.error());
  // A set that is gone: the generation has changed.
  if (reply->error_number != 0) set.is_cut = true;
  reading_.is_torn = reading_.is_torn || reply->interrupted;
  for (const NetlinkMessage& each : reply->messages) {
    if (!is_of_type(each, NFT_MSG_NEWSETELEM)) continue;
    auto found = decode_nft_elements(each.payload);
    set.is_cut = set.is_cut || !found || elements_ > kMostElements;
    if (set.is_cut) break;
    elements_ += found->elements.size();
    std::ranges::move(found->elements, std::back_inserter(set.elements));
  }
  sort_elements(set);
  return true;
}

/// True where the kernel has nf_tables as a module that is not loaded: then there are no rules, and to ask would load
/// it.
bool is_not_loaded(const std::string& kernel_release) {
  const auto loaded = read_small_file("/proc/modules", kMostModuleBytes);
  if (!loaded || loaded->starts_with("nf_tables ") || loaded->contains("\nnf_tables ")) return false;
  const auto available = read_small_file("/lib/modules/" + kernel_release + "/modules.dep", 16 * kMostModuleBytes);
  return available && available->contains("/nf_tables.ko");
}

std::string running_kernel() {
  std::string release = read_small_file("/proc/sys/kernel/osrelease").value_or("");
  while (release.ends_with('\n')) release.pop_back();
  return release;
}

}  // namespace

Observed<Firewall> read_firewall(const std::vector<Link>& links) {
  Result<Reading> reading = Reading{};
  const bool is_loaded = !is_not_loaded(running_kernel());
  for (int attempt = 0; is_loaded && attempt < kMostAttempts; ++attempt) {
    reading = NftReader().read();
    if (!reading) return Observed<Firewall>::missing(reading.error().message);
    if (!reading->is_torn) break;
  }
  if (reading->is_torn) reading->limits.emplace_back("it changed while it was read");
  reading->firewall.is_big_endian = std::endian::native == std::endian::big;
  find_other_filters(links, reading->firewall);
  Observed<Firewall> observed(std::move(reading->firewall), "netlink");
  for (std::string& each : reading->limits) observed.add_limit(std::move(each));
  return observed;
}

}  // namespace vpndoctor
