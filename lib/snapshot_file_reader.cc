// SPDX-License-Identifier: Apache-2.0
// Reads snapshot files: cuts pieces of text into lines, and puts the records of every facet where they belong.
#include <algorithm>
#include <array>
#include <charconv>

#include "snapshot_records.h"
#include "timestamp.h"
#include "vpndoctor/snapshot_file.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kDeepestNesting = 8;
constexpr const char* kMakeAnother = "make another one with 'vpndoctor routes save FILE'";

/// What the file says of a facet as a whole.
struct FacetHead {
  bool is_there = false;
  bool is_known = false;
  bool is_absent = false;  ///< not known because the machine has none
  std::string source;
  std::string missing = "the file is of an older version, which does not hold it";
  std::vector<std::string> limits;
};

struct Version {
  unsigned major = 0;
  unsigned minor = 0;
};

std::optional<Version> parse_version(std::string_view text) {
  Version version;
  const auto [dot, major_error] = std::from_chars(text.data(), text.data() + text.size(), version.major);
  if (major_error != std::errc{} || dot == text.data() + text.size() || *dot != '.') return std::nullopt;
  const auto [end, error] = std::from_chars(dot + 1, text.data() + text.size(), version.minor);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return version;
}

template <class T>
Observed<T> observed(FacetHead& head, T&& value) {
  Observed<T> result = head.is_known    ? Observed<T>(std::forward<T>(value), std::move(head.source))
                       : head.is_absent ? Observed<T>::absent(std::move(head.missing))
                                        : Observed<T>::missing(std::move(head.missing));
  for (std::string& limit : head.limits) result.add_limit(std::move(limit));
  return result;
}

template <class T>
T only_one(std::vector<T>& list) {
  return list.empty() ? T{} : std::move(list.front());
}

}  // namespace

/// The parts of the snapshot while they grow, and where the text is.
struct SnapshotReader::State {
  std::vector<JsonLevel> levels{kDeepestNesting};
  RecordFault fault;
  std::optional<Error> error;
  std::string carry;  ///< the beginning of a line whose end has not come, or is too near to the end of its piece
  std::uint64_t line_number = 0;
  bool ended = false;
  unsigned minor_version = 0;

  Snapshot snapshot;
  std::array<FacetHead, kFacetNames.size()> heads;
  std::array<std::uint64_t, kFacetNames.size()> counts{};
  std::uint64_t records = 0;
  SnapshotParts parts;

  FacetHead& head(Facet facet) { return heads[static_cast<std::size_t>(facet)]; }

  void take_piece(std::string_view piece);
  void carry_on(std::string_view piece);
  void take_carried_line();
  void take_line(std::string_view line);
  void read_header(RecordFields& in);
  void read_record(RecordFields& in);
  void read_facet(RecordFields& in);
  void read_entry(RecordFields& in, std::string_view kind);
  void read_end(RecordFields& in);
  void stop(std::string message, std::string hint = kMakeAnother) {
    if (!error) error = Error{ErrorKind::kUsage, std::move(message), std::move(hint)};
  }
  void finish();
  Snapshot take();
  void take_dns();
  void take_leaks();
};

namespace {

constexpr unsigned kMinorWithAbsence = 3;

/// How older files say that the machine has none of it.
bool means_absence(std::string_view missing) {
  return missing == "systemd-resolved does not run" || missing == "NetworkManager does not run";
}

}  // namespace

SnapshotReader::SnapshotReader() : state_(std::make_unique<State>()) {}
SnapshotReader::~SnapshotReader() = default;
SnapshotReader::SnapshotReader(SnapshotReader&&) noexcept = default;
SnapshotReader& SnapshotReader::operator=(SnapshotReader&&) noexcept = default;

std::optional<Error> SnapshotReader::feed(std::string_view piece) {
  if (!state_->error) state_->take_piece(piece);
  return state_->error;
}

Result<Snapshot> SnapshotReader::finish() {
  if (!state_->error) state_->finish();
  if (state_->error) return std::unexpected(*state_->error);
  return state_->take();
}

Result<Snapshot> parse_snapshot(std::string_view text) {
  SnapshotReader reader;
  reader.feed(text);
  return reader.finish();
}

void SnapshotReader::State::take_piece(std::string_view piece) {
  if (line_number == 0 && carry.empty() && !piece.empty() && piece.front() != '{') {
    return stop("it is no snapshot of vpndoctor and no folder of captures", kHowToMakeState);
  }
  while (!error) {
    const std::size_t end = piece.find('\n');
    if (end == std::string_view::npos) return carry_on(piece);
    const bool is_padded = piece.size() - end > kJsonPadding;
    if (carry.empty() && is_padded) {
      take_line(piece.substr(0, end));
    } else {
      carry_on(piece.substr(0, end));
      take_carried_line();
    }
    piece.remove_prefix(end + 1);
  }
}

void SnapshotReader::State::carry_on(std::string_view piece) {
  if (carry.size() + piece.size() <= kLongestSnapshotLine) {
    carry += piece;
  } else {
    stop(fmt::format("line {} is longer than {} bytes", line_number + 1, kLongestSnapshotLine));
  }
}

void SnapshotReader::State::take_carried_line() {
  if (error) return;
  const std::size_t length = carry.size();
  carry.append(kJsonPadding, ' ');
  take_line(std::string_view(carry).substr(0, length));
  carry.clear();
}

void SnapshotReader::State::take_line(std::string_view line) {
  ++line_number;
  RecordFields in(levels, fault);
  if (in.parse(line)) {
    line_number == 1 ? read_header(in) : read_record(in);
    in.done();
  }
  if (!fault) return;
  const char* colon = fault.field.empty() ? "" : ": ";
  stop(fmt::format("line {}{}{} {}", line_number, colon, fault.field, fault.what));
}

void SnapshotReader::State::read_header(RecordFields& in) {
  std::string format;
  std::string text;
  in.required("format").required("version").text("format", format).text("version", text);
  if (in.failed()) return;
  if (format != kSnapshotFormat) return in.fail("format", fmt::format("is not '{}'", kSnapshotFormat));
  const auto version = parse_version(text);
  if (!version) return in.fail("version", in_quotes(text) + " is no version");
  if (version->major != kSnapshotMajor) {
    return stop(fmt::format("the snapshot is of version {}; this vpndoctor reads version {}", text, kSnapshotMajor),
                version->major > kSnapshotMajor ? "a newer vpndoctor is needed" : kMakeAnother);
  }
  fault.ignores_unknown = version->minor > kSnapshotMinor;
  minor_version = version->minor;
  in.required("platform").required("taken_at");
  in.text("tool_version", snapshot.tool_version).text("kernel_release", snapshot.kernel_release);
  in.text("host_name", snapshot.host_name).number("namespace_inode", snapshot.namespace_inode);
  in.truth("stable", snapshot.stable).word("taken_at", snapshot.taken_at, parse_timestamp);
  in.word("platform", snapshot.platform, [](std::string_view name) -> std::optional<Platform> {
    if (name == "linux") return Platform::kLinux;
    if (name == "macos") return Platform::kMacos;
    return std::nullopt;
  });
}

void SnapshotReader::State::read_record(RecordFields& in) {
  if (ended) return in.fail("", "stands behind the last record");
  if (++records > kMostSnapshotRecords) return in.fail("", "is one record too many");
  const std::string_view kind = in.required("record").word("record");
  if (kind == "facet") return read_facet(in);
  if (kind == "end") return read_end(in);
  read_entry(in, kind);
}

void SnapshotReader::State::read_facet(RecordFields& in) {
  std::size_t index = kFacetNames.size();
  in.required("facet").word("facet", index, [this](std::string_view name) -> std::optional<std::size_t> {
    const auto found = std::find(kFacetNames.begin(), kFacetNames.end(), name);
    if (found == kFacetNames.end() && !fault.ignores_unknown) return std::nullopt;
    return static_cast<std::size_t>(found - kFacetNames.begin());
  });
  if (in.failed() || index == kFacetNames.size()) return;
  FacetHead& facet = heads[index];
  if (facet.is_there) return in.fail("facet", "is there twice");
  facet.is_there = true;
  facet.is_known = !in.has("missing");
  if (facet.is_known) in.required("source");
  facet.missing.clear();
  in.text("source", facet.source).text("missing", facet.missing).truth("absent", facet.is_absent);
  if (minor_version < kMinorWithAbsence && means_absence(facet.missing)) facet.is_absent = true;
  in.texts("limits", facet.limits);
  if (facet.is_known && facet.is_absent) in.fail("absent", "is said of what is there");
}

void SnapshotReader::State::read_entry(RecordFields& in, std::string_view kind) {
  const RecordKind* known = find_record_kind(kind);
  if (known == nullptr) {
    if (!fault.ignores_unknown) in.fail("record", in_quotes(kind) + " is not known");
    return;
  }
  const auto index = static_cast<std::size_t>(known->facet);
  if (!heads[index].is_known)
    return in.fail("record", fmt::format("stands before its facet, '{}'", kFacetNames[index]));
  ++counts[index];
  known->read(parts, in);
}

void SnapshotReader::State::read_end(RecordFields& in) {
  ended = true;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    std::uint64_t count = 0;
    if (minor_version < minor_version_of(i) && !heads[i].is_there) continue;
    in.required(kFacetNames[i]).number(kFacetNames[i], count);
    if (count != counts[i]) in.fail(kFacetNames[i], fmt::format("is {}, but there are {}", count, counts[i]));
    if (!heads[i].is_there) in.fail(kFacetNames[i], "has no record of its facet");
  }
}

void SnapshotReader::State::finish() {
  if (line_number == 0 && carry.empty()) return stop("it is empty", kHowToMakeState);
  if (!carry.empty()) {
    take_carried_line();
    if (error) error->message = fmt::format("it was cut off in line {}", line_number);
  }
  if (!error && !ended) stop(fmt::format("it was cut off after line {}", line_number));
}

Snapshot SnapshotReader::State::take() {
  snapshot.links = observed(head(Facet::kLinks), std::move(parts.links));
  snapshot.addresses = observed(head(Facet::kAddresses), std::move(parts.addresses));
  snapshot.routes = observed(head(Facet::kRoutes), parts.routes.take());
  snapshot.rules = observed(head(Facet::kRules), std::move(parts.rules));
  snapshot.next_hop_objects = observed(head(Facet::kNextHopObjects), std::move(parts.next_hop_objects));
  snapshot.neighbours = observed(head(Facet::kNeighbours), std::move(parts.neighbours));
  snapshot.settings = observed(head(Facet::kSettings), std::move(parts.settings));
  snapshot.tunnels = observed(head(Facet::kTunnels), std::move(parts.leaks.tunnels));
  snapshot.names = observed(head(Facet::kNames), std::move(parts.names));
  take_dns();
  take_leaks();
  return std::move(snapshot);
}

void SnapshotReader::State::take_dns() {
  DnsConfiguration& dns = snapshot.dns;
  DnsParts& read = parts.dns;
  dns.resolv_conf = observed(head(Facet::kResolvConf), only_one(read.resolv_conf));
  dns.name_service_switch = observed(head(Facet::kNameServiceSwitch), only_one(read.name_service_switch));
  dns.hosts = observed(head(Facet::kHosts), std::move(read.hosts));
  dns.name_service_cache = observed(head(Facet::kNameServiceCache), only_one(read.name_service_cache));
  ResolvedState resolved = only_one(read.resolved);
  resolved.scopes = std::move(read.resolved_scopes);
  resolved.settings = observed(head(Facet::kResolvedSettings), only_one(read.resolved_settings));
  dns.resolved = observed(head(Facet::kResolved), std::move(resolved));
  NetworkManagerDns manager = only_one(read.network_manager);
  manager.entries = std::move(read.network_manager_entries);
  dns.network_manager = observed(head(Facet::kNetworkManager), std::move(manager));
  dns.dnsmasq = observed(head(Facet::kDnsmasq), std::move(read.dnsmasq));
  dns.listeners = observed(head(Facet::kDnsListeners), std::move(read.listeners));
  dns.backups = observed(head(Facet::kResolvConfBackups), std::move(read.backups));
  MacosDns macos = only_one(read.macos);
  macos.resolvers = std::move(read.macos_resolvers);
  dns.macos = observed(head(Facet::kMacosDns), std::move(macos));
}

void SnapshotReader::State::take_leaks() {
  LeakParts& read = parts.leaks;
  snapshot.activity = observed(head(Facet::kActivity), only_one(read.activity));
  snapshot.xfrm = observed(head(Facet::kXfrm), only_one(read.xfrm));
  snapshot.firewall = observed(head(Facet::kFirewall), only_one(parts.firewalls));
  snapshot.leases = observed(head(Facet::kLeases), std::move(read.leases));
  snapshot.vpn_signs = observed(head(Facet::kVpnSigns), std::move(read.vpn_signs));
}

}  // namespace vpndoctor
