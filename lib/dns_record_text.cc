// SPDX-License-Identifier: Apache-2.0
// The data of records; see the header. Types that are not known stay bytes (RFC 3597).
#include "dns_record_text.h"

#include <fmt/format.h>

#include "vpndoctor/dns_explain.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMaxHexBytes = 64;

std::span<const std::byte> bytes_of(const DnsRecordData& data) {
  return data.message.subspan(data.offset, data.length);
}

bool read_address(const DnsRecordData& data, std::size_t size, DnsRecord& record) {
  if (data.length != size) return false;
  record.address = IpAddress::from_bytes(bytes_of(data));
  if (record.address) record.text = record.address->to_string();
  return record.address.has_value();
}

/// Reads a name that begins `skip` bytes into the data, and ends in it; returns where it ends, 0 for none.
std::size_t read_name(const DnsRecordData& data, std::size_t skip, std::string& text) {
  const auto name = decode_dns_name(data.message, data.offset + skip);
  if (!name || name->next > data.offset + data.length) return 0;
  text += name->name;
  return name->next - data.offset;
}

/// `numbers` 16-bit words, then a name: MX and SRV; with none: CNAME, NS, PTR.
bool read_numbers_and_name(const DnsRecordData& data, std::size_t numbers, DnsRecord& record) {
  ByteReader reader(bytes_of(data));
  for (std::size_t i = 0; i < numbers; ++i) record.text += fmt::format("{} ", reader.u16());
  return reader.ok() && read_name(data, 2 * numbers, record.text) == data.length;
}

bool read_soa(const DnsRecordData& data, DnsRecord& record) {
  const std::size_t second = read_name(data, 0, record.text);
  if (second == 0) return false;
  record.text += ' ';
  const std::size_t rest = read_name(data, second, record.text);
  if (rest == 0 || data.length - rest != 5 * sizeof(std::uint32_t)) return false;
  ByteReader reader(bytes_of(data).subspan(rest));
  for (int i = 0; i < 5; ++i) record.text += fmt::format(" {}", reader.u32());
  return true;
}

void append_quoted(std::span<const std::byte> string, std::string& text) {
  text += text.empty() ? "\"" : " \"";
  for (const std::byte byte : string) {
    const auto c = static_cast<unsigned char>(byte);
    if (c < 0x20 || c > 0x7e) {
      text += fmt::format("\\{:03}", c);
      continue;
    }
    if (c == '"' || c == '\\') text += '\\';
    text += static_cast<char>(c);
  }
  text += '"';
}

bool read_txt(const DnsRecordData& data, DnsRecord& record) {
  ByteReader reader(bytes_of(data));
  while (reader.ok() && !reader.rest().empty()) {
    const auto string = reader.take(reader.u8());
    if (!reader.ok()) return false;
    record.strings.emplace_back(reinterpret_cast<const char*>(string.data()), string.size());
    append_quoted(string, record.text);
  }
  return !record.strings.empty();
}

bool read_unknown(const DnsRecordData& data, DnsRecord& record) {
  record.text = fmt::format("\\# {} ", data.length);
  const auto bytes = bytes_of(data);
  for (const std::byte byte : bytes.first(std::min(bytes.size(), kMaxHexBytes))) {
    record.text += fmt::format("{:02x}", static_cast<unsigned>(byte));
  }
  if (bytes.size() > kMaxHexBytes) record.text += "...";
  if (bytes.empty()) record.text.pop_back();
  return true;
}

}  // namespace

bool read_record_data(const DnsRecordData& data, DnsRecord& record) {
  // Records of CHAOS and HESIOD have other forms, but for TXT.
  if (record.dns_class != kDnsClassIn && record.type != kDnsTypeTxt) return read_unknown(data, record);
  switch (record.type) {
    case kDnsTypeA:
      return read_address(data, 4, record);
    case kDnsTypeAaaa:
      return read_address(data, 16, record);
    case kDnsTypeCname:
    case kDnsTypeNs:
    case kDnsTypePtr:
      return read_numbers_and_name(data, 0, record);
    case kDnsTypeMx:
      return read_numbers_and_name(data, 1, record);
    case kDnsTypeSrv:
      return read_numbers_and_name(data, 3, record);
    case kDnsTypeSoa:
      return read_soa(data, record);
    case kDnsTypeTxt:
      return read_txt(data, record);
    default:
      return read_unknown(data, record);
  }
}

}  // namespace vpndoctor
