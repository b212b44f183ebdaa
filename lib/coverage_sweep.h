// SPDX-License-Identifier: Apache-2.0
// One sweep over the answers for all destinations of a family: adds up what goes through tunnels, and collects what
// goes out beside them in the fewest prefixes.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "address_classes.h"
#include "coverage_ipsec.h"
#include "coverage_outside.h"
#include "coverage_ways.h"

namespace vpndoctor {

/// Consecutive destinations whose packets go the same way.
struct CoverageRun {
  AddressNumber first;
  AddressNumber last;
  PacketWay way = PacketWay::kNowhere;
  std::string_view interface;
  std::optional<IpAddress> gateway;
  std::optional<std::uint8_t> protocol;  ///< of the route
  std::string_view uncertain;            ///< why the way is not certain; empty: it is
  bool is_parted = false;                ///< some of the packets go through a tunnel
  bool is_broadcast = false;             ///< nothing but a network's broadcast address so far
  bool has_start = false;                ///< begins with the addresses that stand for this machine: 0.0.0.0, ::, ::1
  AddressNumber reach;                   ///< how far the route of the last destination goes
};

/// An address that stands for the largest range of its kind.
struct Largest {
  std::optional<IpAddress> address;
  double size = 0;
};

/// What the sweep adds up.
struct CoverageSums {
  AddressNumber in_tunnel;  ///< how many addresses, by certain answers; wraps to 0 for all of IPv6
  bool has_tunnel = false;
  bool has_global_tunnel = false;
  bool has_global_outside = false;
  std::string why_uncertain;         ///< why packets of some destinations may go through a tunnel, or not
  std::string why_global_uncertain;  ///< the same, of destinations that a full tunnel has to take
  Largest global_in_tunnel;
  Largest global_outside;
};

class CoverageSweep {
 public:
  CoverageSweep(const Snapshot& snapshot, Family family);

  /// Takes the next answer; they come in ascending order, without a gap.
  void add(const AddressRange& range, const FlowAnswer& answer, const Flow& flow);
  /// Ends the sweep.
  void finish();

  const CoverageSums& sums() const { return sums_; }
  /// The tunnels that carry something, with what they carry.
  std::map<std::string, TunnelPart, std::less<>> take_parts() { return std::move(parts_); }
  OutsideList& outside() { return outside_; }
  std::vector<OutsideRoute> take_outside_routes() { return routes_ ? routes_->take() : std::vector<OutsideRoute>(); }
  /// What decides by the packet, in words.
  std::vector<std::string> take_parted() { return std::move(parted_); }

 private:
  void add_run(CoverageRun run, const Route* route);
  void add_ipsec(const CoverageRun& run, const Route* route, const Flow& flow);
  void pass_own(const AddressNumber& first, const AddressNumber& last);
  void settle_own(CoverageRun& next, const Route* route);
  void doubt_end(CoverageRun& run, const Route* route);
  void note_parted(const AddressRange& range, const AnswerWay& way);
  void note_shared(const AddressRange& range, const FlowAnswer& answer);
  void note_range(std::string_view tunnel, const AddressRange& range);
  void note_part(std::string_view tunnel, const ClassRange& part);
  bool is_own(std::string_view tunnel, const ClassRange& part) const;
  void close(const CoverageRun& run);
  void note_uncertain(const CoverageRun& run, bool is_global);
  void close_part(const CoverageRun& run, const ClassRange& part);
  void add_row(const CoverageRun& run, const ClassRange& part);

  Family family_;
  AddressClasses classes_;
  IpsecRanges ipsec_;
  WayFinder ways_;
  std::string unseen_end_;  ///< why some tunnel's other end is not known; empty: all are
  std::optional<CoverageRun> run_;
  bool has_own_ = false;  ///< addresses of this machine itself since the run, which are:
  AddressNumber own_first_;
  AddressNumber own_last_;
  std::size_t class_at_ = 0;
  OutsideList outside_;
  std::optional<OutsideRoutes> routes_;  ///< null: no tunnel, no interest
  std::map<std::string, TunnelPart, std::less<>> parts_;
  /// The networks of the addresses of each interface, ascending.
  std::map<std::string, std::vector<IpPrefix>, std::less<>> own_networks_;
  std::vector<std::string> parted_;
  CoverageSums sums_;
};

/// True when something on the machine may take packets that would leave in clear. Takes a snapshot that knows its
/// links.
bool has_any_tunnel(const Snapshot& snapshot);

/// Why a host route by a gateway may lead to a tunnel's other end that is not known; empty when all are known.
std::string find_unseen_end(const Snapshot& snapshot);

}  // namespace vpndoctor
