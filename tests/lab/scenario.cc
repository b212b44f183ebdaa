// SPDX-License-Identifier: Apache-2.0
// The JSON form of a scenario. Every object is read through Fields, which remembers what was asked for and
// complains about the rest.
#include "scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

namespace vpndoctor::lab {
namespace {

using Json = nlohmann::json;

/// Collects what is wrong with a file; the first complaint is the one that is shown.
struct Complaints {
  std::string first;
  void add(const std::string& text) {
    if (first.empty()) first = text;
  }
};

/// Reads the keys of one object by name.
class Fields {
 public:
  Fields(const Json& object, std::string where, Complaints& complaints)
      : object_(object), where_(std::move(where)), complaints_(complaints) {
    if (!object.is_object()) complaints.add(where_ + " is not an object");
  }
  ~Fields() {
    for (const auto& [key, value] : object_.items()) {
      if (!asked_.contains(key)) complaints_.add(fmt::format("{}: unknown key \"{}\"", where_, key));
    }
  }
  Fields(const Fields&) = delete;

  const Json* find(const std::string& key) {
    asked_.insert(key);
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }
  template <class T>
  void read(const std::string& key, T& into) {
    const Json* value = find(key);
    if (value == nullptr) return;
    if (!matches<T>(*value)) return complaints_.add(fmt::format("{}.{} has the wrong type", where_, key));
    into = value->get<T>();
  }
  template <class T>
  void read(const std::string& key, std::optional<T>& into) {
    if (find(key) != nullptr) read(key, into.emplace());
  }
  template <class Enum, std::size_t N>
  void choose(const std::string& key, Enum& into, const std::pair<const char*, Enum> (&choices)[N]) {
    const Json* value = find(key);
    if (value == nullptr) return;
    for (const auto& [name, choice] : choices) {
      if (*value == name) {
        into = choice;
        return;
      }
    }
    complaints_.add(fmt::format("{}.{}: {} is not a choice", where_, key, value->dump()));
  }
  /// Reads an object inside this one by `reader(Fields&)`, when it is there.
  template <class Reader>
  void nested(const std::string& key, Reader reader) {
    if (const Json* value = find(key)) {
      Fields fields(*value, where_ + "." + key, complaints_);
      reader(fields);
    }
  }
  /// Reads an array of objects by `reader(Fields&)`.
  template <class Reader>
  void each(const std::string& key, Reader reader) {
    const Json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_array()) return complaints_.add(fmt::format("{}.{} is not an array", where_, key));
    for (std::size_t index = 0; index < value->size(); ++index) {
      Fields fields((*value)[index], fmt::format("{}.{}[{}]", where_, key, index), complaints_);
      reader(fields);
    }
  }

 private:
  template <class T>
  static bool matches(const Json& value) {
    if constexpr (std::is_same_v<T, bool>) {
      return value.is_boolean();
    } else if constexpr (std::is_integral_v<T>) {
      return value.is_number_unsigned();
    } else if constexpr (std::is_floating_point_v<T>) {
      return value.is_number();
    } else if constexpr (std::is_same_v<T, std::string>) {
      return value.is_string();
    } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
      return value.is_array() && std::ranges::all_of(value, [](const Json& item) { return item.is_string(); });
    } else {
      return value.is_object() && std::ranges::all_of(value, [](const Json& item) { return item.is_string(); });
    }
  }

  const Json& object_;
  std::string where_;
  Complaints& complaints_;
  std::set<std::string> asked_;
};

constexpr std::pair<const char*, Family> kFamilies[] = {{"inet", Family::kInet}, {"inet6", Family::kInet6}};
constexpr std::pair<const char*, TooBigPolicy> kPolicies[] = {{"send", TooBigPolicy::kSend},
                                                              {"silent", TooBigPolicy::kSilent},
                                                              {"zero", TooBigPolicy::kZero},
                                                              {"claim", TooBigPolicy::kClaim}};
using Forge = ForgeConfig::Kind;
constexpr std::pair<const char*, Forge> kForgeries[] = {{"foreign", Forge::kForeign},
                                                        {"ours", Forge::kOurs},
                                                        {"short", Forge::kShort},
                                                        {"above_probe", Forge::kAboveProbe},
                                                        {"below_minimum", Forge::kBelowMinimum},
                                                        {"bad_checksum", Forge::kBadChecksum},
                                                        {"tiny_icmp", Forge::kTinyIcmp},
                                                        {"options", Forge::kOptions}};

void read_link(Fields& fields, LinkConfig& link) {
  fields.read("delay_ms", link.delay_ms);
  fields.read("loss_ratio", link.loss_ratio);
  fields.read("mtu_bytes", link.mtu_bytes);
  fields.choose("too_big", link.too_big, kPolicies);
  fields.read("claim_mtu_bytes", link.claim_mtu_bytes);
  fields.read("l2", link.l2);
  fields.read("rate_kbit_per_second", link.rate_kbit_per_second);
  fields.read("queue_bytes", link.queue_bytes);
  fields.nested("burst", [&](Fields& burst) {
    auto& into = link.burst.emplace();
    burst.read("enter_ratio", into.enter_ratio);
    burst.read("leave_ratio", into.leave_ratio);
    burst.read("loss_ratio", into.loss_ratio);
  });
  fields.nested("size_loss", [&](Fields& loss) {
    auto& into = link.size_loss.emplace();
    loss.read("from_bytes", into.from_bytes);
    loss.read("to_bytes", into.to_bytes);
    loss.read("loss_ratio", into.loss_ratio);
  });
}

HopConfig read_hop(Fields& fields) {
  HopConfig hop;
  read_link(fields, hop.forward);
  hop.back = hop.forward;
  fields.nested("back", [&](Fields& back) { read_link(back, hop.back); });
  fields.read("silent", hop.silent);
  fields.read("rate_limit", hop.rate_limit);
  fields.read("clamp_mss_bytes", hop.clamp_mss_bytes);
  fields.each("forge", [&](Fields& lie) {
    auto& into = hop.forge.emplace_back();
    lie.choose("kind", into.kind, kForgeries);
    lie.read("mtu_bytes", into.mtu_bytes);
    lie.read("min_probe_bytes", into.min_probe_bytes);
    lie.read("times", into.times);
  });
  return hop;
}

void read_target(Fields& fields, TargetConfig& target) {
  fields.read("mtu_bytes", target.mtu_bytes);
  fields.read("drop_echo", target.drop_echo);
  fields.read("drop_udp", target.drop_udp);
  fields.read("drop_tcp", target.drop_tcp);
  fields.read("max_echo_bytes", target.max_echo_bytes);
  fields.read("rate_limits", target.rate_limits);
  fields.read("tls_server", target.tls_server);
  fields.read("ssh_server", target.ssh_server);
  fields.read("tcp_reply_bytes", target.tcp_reply_bytes);
}

void read_path(Fields& fields, PathConfig& path) {
  fields.read("client_mtu_bytes", path.client_mtu_bytes);
  fields.read("route_mtu_bytes", path.route_mtu_bytes);
  fields.each("hops", [&](Fields& hop) { path.hops.push_back(read_hop(hop)); });
  fields.nested("target", [&](Fields& target) { read_target(target, path.target); });
}

void read_run(Fields& fields, RunConfig& run) {
  constexpr std::pair<const char*, bool> kUsers[] = {{"root", false}, {"user", true}};
  fields.read("args", run.args);
  fields.choose("as", run.as_user, kUsers);
  fields.read("ping_socket", run.ping_socket);
  fields.read("client_nft", run.client_nft);
  fields.read("target_nft", run.target_nft);
  fields.read("client_sysctls", run.client_sysctls);
}

void read_families(Fields& fields, Scenario& scenario) {
  scenario.families = {Family::kInet};
  const Json* names = fields.find("families");
  if (names == nullptr) return;
  scenario.families.clear();
  for (const Json& name : *names) scenario.families.push_back(name == "inet6" ? Family::kInet6 : Family::kInet);
}

void read_all(Fields& fields, Scenario& scenario) {
  fields.read("description", scenario.description);
  read_families(fields, scenario);
  fields.nested("path", [&](Fields& path) { read_path(path, scenario.path); });
  fields.nested("run", [&](Fields& run) { read_run(run, scenario.run); });
  fields.nested("tunnel", [&](Fields& tunnel) {
    auto& into = scenario.tunnel.emplace();
    constexpr std::pair<const char*, TunnelConfig::Kind> kKinds[] = {{"openvpn", TunnelConfig::Kind::kOpenVpn},
                                                                     {"wireguard", TunnelConfig::Kind::kWireGuard}};
    tunnel.choose("kind", into.kind, kKinds);
    tunnel.read("mtu_bytes", into.mtu_bytes);
    tunnel.choose("outer", into.outer, kFamilies);
  });
  fields.read("stale_cache_mtu_bytes", scenario.stale_cache_mtu_bytes);
  if (const Json* expect = fields.find("expect")) scenario.expect_json = expect->dump();
  if (const Json* expect = fields.find("expect_inet6")) scenario.expect_inet6_json = expect->dump();
}

}  // namespace

Result<Scenario> read_scenario(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) return failure(ErrorKind::kUsage, "cannot read " + file);
  const Json document = Json::parse(stream, nullptr, false, true);
  if (document.is_discarded()) return failure(ErrorKind::kUsage, file + " is not JSON");
  Scenario scenario;
  scenario.name = std::filesystem::path(file).stem();
  Complaints complaints;
  {
    Fields fields(document, scenario.name, complaints);
    read_all(fields, scenario);
  }
  if (scenario.path.hops.empty()) complaints.add(scenario.name + ".path.hops is empty");
  if (!complaints.first.empty()) return failure(ErrorKind::kUsage, complaints.first);
  return scenario;
}

}  // namespace vpndoctor::lab
