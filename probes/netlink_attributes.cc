// SPDX-License-Identifier: Apache-2.0
// Attribute walking; see the header.
#include "netlink_attributes.h"

#include <linux/netlink.h>

#include <algorithm>

namespace vpndoctor {

Bytes after_aligned(Bytes bytes, std::size_t count) {
  const std::size_t aligned = (count + 3U) & ~std::size_t{3};
  return aligned < bytes.size() ? bytes.subspan(aligned) : Bytes{};
}

std::string NetlinkAttribute::text() const {
  const auto end = std::find(payload.begin(), payload.end(), std::byte{0});
  std::string text;
  text.reserve(payload.size());
  for (auto at = payload.begin(); at != end; ++at) text.push_back(static_cast<char>(*at));
  return text;
}

std::optional<NetlinkAttribute> next_attribute(Bytes& rest) {
  const auto header = read_at<nlattr>(rest);
  if (!header || header->nla_len < sizeof(nlattr) || header->nla_len > rest.size()) return std::nullopt;
  const NetlinkAttribute attribute{static_cast<std::uint16_t>(header->nla_type & NLA_TYPE_MASK),
                                   rest.subspan(sizeof(nlattr), header->nla_len - sizeof(nlattr))};
  rest = after_aligned(rest, header->nla_len);
  return attribute;
}

std::optional<NetlinkAttribute> find_attribute(Bytes attributes, std::uint16_t type) {
  std::optional<NetlinkAttribute> found;
  while (const auto attribute = next_attribute(attributes)) {
    if (attribute->type == type) found = attribute;
  }
  return found;
}

}  // namespace vpndoctor
