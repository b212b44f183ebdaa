// SPDX-License-Identifier: Apache-2.0
// Builds a RouteTable, sharing equal next hops and attributes. What reads a million routes goes through here.
#pragma once

#include <cstdint>
#include <memory>

#include "vpndoctor/network.h"

namespace [[gnu::visibility("default")]] vpndoctor {

class RouteTableBuilder {
 public:
  RouteTableBuilder();
  ~RouteTableBuilder();
  RouteTableBuilder(RouteTableBuilder&&) noexcept;
  RouteTableBuilder& operator=(RouteTableBuilder&&) noexcept;

  /// Returns the index of an equal set, which is added when there is none yet.
  std::uint32_t intern(const NextHopSet& set);
  std::uint32_t intern(const RouteAttributes& attributes);
  /// Appends a route whose `next_hops` and `attributes` came from intern().
  void add(const Route& route);
  void reserve(std::size_t routes);

  /// Returns what was built and begins anew.
  RouteTable take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vpndoctor
