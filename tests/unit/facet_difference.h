// SPDX-License-Identifier: Apache-2.0
// What differs between two observations of one facet: their values, what is said of them, and why there are none.
#pragma once

#include <string>

#include "vpndoctor/dns_configuration.h"
#include "vpndoctor/observed.h"

namespace vpndoctor::testing_support {

template <class T, class Same>
std::string facet_difference(const char* name, const Observed<T>& left, const Observed<T>& right, Same same) {
  const std::string facet(name);
  if (left.is_known() != right.is_known()) return facet + ": known on one side";
  if (left.limits() != right.limits()) return facet + ": limits";
  if (left.is_absent() != right.is_absent()) return facet + ": absent on one side";
  if (!left) return left.why_missing() == right.why_missing() ? "" : facet + ": why it is missing";
  if (left.source() != right.source()) return facet + ": source";
  return same(*left, *right) ? "" : facet;
}

/// Names the first facet of the resolver configuration that differs in anything; empty when none does.
std::string dns_difference(const DnsConfiguration& left, const DnsConfiguration& right);

}  // namespace vpndoctor::testing_support
