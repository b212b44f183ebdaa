// SPDX-License-Identifier: Apache-2.0
// Gathers what leaves outside of the tunnels while a sweep goes on: its prefixes, as many as a report can hold; how
// much goes each way, all of it; which routes take it, all of them.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "address_classes.h"

namespace vpndoctor {

/// More prefixes than these are not listed.
inline constexpr std::size_t kMostOutside = 4096;

/// Takes ranges of one class and one way each, ascending, and makes the fewest prefixes of them.
class OutsideList {
 public:
  explicit OutsideList(Family family) : family_(family) {}

  /// `pattern`: what each prefix is to have beside itself.
  void add(const AddressNumber& first, const AddressNumber& last, OutsidePrefix pattern);
  void finish() { close(); }

  std::vector<OutsidePrefix> take_prefixes() { return std::move(prefixes_); }
  bool is_cut() const { return is_cut_; }
  /// In the order of the classes; at most kMostOutside.
  std::vector<OutsideWay> take_ways();

 private:
  struct Row {
    AddressNumber first;
    AddressNumber last;
    OutsidePrefix pattern;
  };
  using WayKey = std::tuple<std::optional<IpAddress>, std::optional<std::uint8_t>, AddressClass, std::string>;

  void close();
  OutsideWay* find_way();

  Family family_;
  std::optional<Row> row_;
  std::vector<OutsidePrefix> prefixes_;
  bool is_cut_ = false;
  std::map<WayKey, OutsideWay> ways_;
};

/// Takes ranges with the route that decides about them, ascending, and keeps each route once.
class OutsideRoutes {
 public:
  /// `classes` must outlive it.
  OutsideRoutes(const RouteTable& table, const AddressClasses& classes, Family family)
      : table_(&table), classes_(&classes), family_(family), is_noted_(table.routes.size()) {}

  void add(const AddressNumber& first, const AddressNumber& last, const Route& route);
  std::vector<OutsideRoute> take() { return std::move(routes_); }

 private:
  void note(std::uint32_t number, bool is_public, const AddressNumber& sample);

  const RouteTable* table_;
  const AddressClasses* classes_;
  Family family_;
  std::size_t class_at_ = 0;
  std::vector<bool> is_noted_;                    ///< by the number of the route
  std::map<std::uint32_t, std::size_t> private_;  ///< places of noted routes without a public address, by number
  std::vector<OutsideRoute> routes_;
};

}  // namespace vpndoctor
