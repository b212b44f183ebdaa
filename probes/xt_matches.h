// SPDX-License-Identifier: Apache-2.0
// One function for each match of xtables that looks at headers, and what all matches read their structures by. The
// table is in xt_decode_match.cc.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nft_decode.h"
#include "xt_steps.h"

namespace vpndoctor {

/// Nullopt: not understood.
using XtMatchSteps = std::optional<std::vector<FirewallExpression>>;

/// Reads the structure at the front of `info`, into which no text is read beyond its end.
template <class T>
std::optional<T> xt_structure(const XtExtension& extension) {
  return read_at<T>(extension.info);
}

/// Two ports as a range of a set, most significant byte first.
inline std::string xt_port_range(std::uint16_t from, std::uint16_t to) { return network_text(from) + network_text(to); }

XtMatchSteps decode_xt_multiport(const XtExtension& match);
XtMatchSteps decode_xt_tcp(const XtExtension& match);
XtMatchSteps decode_xt_udp(const XtExtension& match);
XtMatchSteps decode_xt_icmp(const XtExtension& match);
XtMatchSteps decode_xt_address_range(const XtExtension& match);

}  // namespace vpndoctor
