// SPDX-License-Identifier: Apache-2.0
// What a check asks of the facets of a snapshot, why it cannot be made without them, and how the row of a table is run.
// Each family of checks names its facets by bits of its own.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "vpndoctor/observed.h"
#include "vpndoctor/routing_checks.h"

namespace vpndoctor {

/// Looks at one facet after the other and keeps the first reason against the check.
class FacetNeeds {
 public:
  /// `needs` and `whole` are bits of facets: what the check cannot do without, and from what it concludes that
  /// something is not there.
  FacetNeeds(unsigned needs, unsigned whole) : needs_(needs), whole_(whole) {}

  /// `name` is what the facet has, in the plural: "links".
  template <class T>
  FacetNeeds& facet(unsigned bit, const char* name, const Observed<T>& observed) {
    if (!reason_.empty() || (needs_ & bit) == 0) return *this;
    if (!observed) reason_ = fmt::format("the {} are not known: {}", name, observed.why_missing());
    if (observed && !observed.is_complete() && (whole_ & bit) != 0) {
      reason_ = fmt::format("not all {} are known: {}", name, observed.limits().front());
    }
    return *this;
  }
  /// Why the check cannot be made; empty when it can.
  const std::string& reason() const { return reason_; }

 private:
  unsigned needs_;
  unsigned whole_;
  std::string reason_;
};

/// Runs the row of a table, or notes why not; empty: it is run.
template <class Check, class Facts>
void run_check(const Check& check, const Facts& facts, std::string why_skipped, CheckResults& results) {
  if (why_skipped.empty()) {
    check.run(facts, results.findings);
  } else {
    results.skipped.push_back({check.code, std::move(why_skipped)});
  }
}

inline void put_worst_first(CheckResults& results) {
  std::ranges::stable_sort(results.findings, std::greater{}, &Finding::severity);
}

}  // namespace vpndoctor
