// SPDX-License-Identifier: Apache-2.0
// The records of snapshot files that hold the resolver configuration: the members that each kind writes, and what reads
// them.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "record_fields.h"
#include "vpndoctor/dns_configuration.h"
#include "vpndoctor/json_writer.h"

namespace vpndoctor {

/// The resolver configuration while it is read. What there is once at most is in a list as well.
struct DnsParts {
  std::vector<ResolvConf> resolv_conf;
  std::vector<NameServiceSwitch> name_service_switch;
  std::vector<HostsEntry> hosts;
  std::vector<NameServiceCache> name_service_cache;
  std::vector<ResolvedState> resolved;
  std::vector<ResolvedScope> resolved_scopes;
  std::vector<ResolvedSettings> resolved_settings;
  std::vector<NetworkManagerDns> network_manager;
  std::vector<NetworkManagerDnsEntry> network_manager_entries;
  std::vector<DnsmasqInstance> dnsmasq;
  std::vector<DnsListener> listeners;
  std::vector<ResolvConfBackup> backups;
  std::vector<MacosDns> macos;
  std::vector<MacosResolver> macos_resolvers;
};

/// Write the members of a record, without its braces; what has its usual value is left out.
void write_members(JsonWriter& json, const ResolvConf& file);
void write_members(JsonWriter& json, const NameServiceSwitch& names);
void write_members(JsonWriter& json, const HostsEntry& entry);
void write_members(JsonWriter& json, const NameServiceCache& cache);
void write_members(JsonWriter& json, const ResolvedState& state);  ///< but for its scopes and settings
void write_members(JsonWriter& json, const ResolvedScope& scope);
void write_members(JsonWriter& json, const ResolvedSettings& settings);
void write_members(JsonWriter& json, const NetworkManagerDns& manager);  ///< but for its entries
void write_members(JsonWriter& json, const NetworkManagerDnsEntry& entry);
void write_members(JsonWriter& json, const DnsmasqInstance& instance);
void write_members(JsonWriter& json, const DnsListener& listener);
void write_members(JsonWriter& json, const ResolvConfBackup& backup);
void write_members(JsonWriter& json, const MacosDns& macos);  ///< but for its resolvers
void write_members(JsonWriter& json, const MacosResolver& resolver);

/// The kinds of records of the resolver configuration, of which read_dns_record() reads one each.
enum class DnsRecordKind : std::uint8_t {
  kResolvConf,
  kNameServiceSwitch,
  kHost,
  kNameServiceCache,
  kResolved,
  kResolvedScope,
  kResolvedSettings,
  kNetworkManager,
  kNetworkManagerEntry,
  kDnsmasq,
  kListener,
  kBackup,
  kMacos,
  kMacosResolver,
};
void read_dns_record(DnsRecordKind kind, RecordFields& in, DnsParts& parts);

}  // namespace vpndoctor
