// SPDX-License-Identifier: Apache-2.0
// Messages: the header, the question, the sections, EDNS; see the header.
#include "vpndoctor/dns_message.h"

#include <fmt/format.h>

#include <array>

#include "dns_record_text.h"
#include "vpndoctor/dns_explain.h"
#include "vpndoctor/dns_server.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kMaxMessageBytes = 65535;
constexpr std::uint16_t kOptionServerId = 3;

void put_u8(std::vector<std::byte>& out, unsigned number) { out.push_back(static_cast<std::byte>(number)); }

void put_u16(std::vector<std::byte>& out, unsigned number) {
  put_u8(out, number >> 8U & 0xFFU);
  put_u8(out, number & 0xFFU);
}

/// The OPT record: the root, its type, our size as class, no flags as TTL, and NSID without data when it is asked for.
void put_extension(std::vector<std::byte>& out, const DnsQuestionMessage& question) {
  put_u8(out, 0);
  put_u16(out, kDnsTypeOpt);
  put_u16(out, *question.edns_bytes);
  put_u16(out, 0);
  put_u16(out, 0);
  put_u16(out, question.asks_server_id ? 4 : 0);
  if (!question.asks_server_id) return;
  put_u16(out, kOptionServerId);
  put_u16(out, 0);
}

/// Walks through the message; after the first fault nothing more is read.
class MessageReader {
 public:
  explicit MessageReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bool read(DnsMessage& message);

 private:
  bool read_question(unsigned count, DnsMessage& message);
  bool read_records(unsigned count, DnsMessage& message, std::vector<DnsRecord>& records);
  bool read_extension(const DnsRecord& record, std::span<const std::byte> data, DnsMessage& message);

  std::span<const std::byte> bytes_;
  std::size_t offset_ = kHeaderBytes;
};

bool MessageReader::read(DnsMessage& message) {
  ByteReader header(bytes_);
  message.id = header.u16();
  const unsigned flags = header.u16();
  std::array<unsigned, 4> counts{};
  for (unsigned& count : counts) count = header.u16();
  if (!header.ok()) return false;
  message.is_reply = (flags & 0x8000U) != 0;
  message.opcode = static_cast<std::uint8_t>(flags >> 11U & 0xFU);
  message.authoritative = (flags & 0x0400U) != 0;
  message.truncated = (flags & 0x0200U) != 0;
  message.recursion_desired = (flags & 0x0100U) != 0;
  message.recursion_available = (flags & 0x0080U) != 0;
  message.rcode = flags & 0xFU;
  if (!read_question(counts[0], message)) return false;
  const bool whole = read_records(counts[1], message, message.answers) &&
                     read_records(counts[2], message, message.authorities) &&
                     read_records(counts[3], message, message.additional);
  message.is_cut = !whole;
  return whole || message.truncated;
}

bool MessageReader::read_question(unsigned count, DnsMessage& message) {
  if (count == 0) return true;
  if (count > 1) return false;
  auto name = decode_dns_name(bytes_, offset_);
  if (!name) return false;
  ByteReader reader(bytes_.subspan(name->next));
  DnsMessage::Question question;
  question.name = std::move(name->name);
  question.type = reader.u16();
  question.dns_class = reader.u16();
  offset_ = name->next + 4;
  message.question = std::move(question);
  return reader.ok();
}

bool MessageReader::read_records(unsigned count, DnsMessage& message, std::vector<DnsRecord>& records) {
  for (unsigned i = 0; i < count; ++i) {
    auto name = decode_dns_name(bytes_, offset_);
    if (!name) return false;
    ByteReader reader(bytes_.subspan(name->next));
    DnsRecord record;
    record.name = std::move(name->name);
    record.type = reader.u16();
    record.dns_class = reader.u16();
    record.ttl_seconds = reader.u32();
    const std::size_t length = reader.u16();
    const auto data = reader.take(length);
    if (!reader.ok()) return false;
    offset_ = name->next + 10 + length;
    if (record.type == kDnsTypeOpt) {
      if (!read_extension(record, data, message)) return false;
      continue;
    }
    if (!read_record_data({bytes_, offset_ - length, length}, record)) return false;
    records.push_back(std::move(record));
  }
  return true;
}

bool MessageReader::read_extension(const DnsRecord& record, std::span<const std::byte> data, DnsMessage& message) {
  if (message.extension) return false;
  DnsExtension extension;
  extension.udp_bytes = record.dns_class;
  message.rcode |= record.ttl_seconds >> 24U << 4U;
  extension.version = static_cast<std::uint8_t>(record.ttl_seconds >> 16U & 0xFFU);
  extension.dnssec_ok = (record.ttl_seconds & 0x8000U) != 0;
  ByteReader reader(data);
  while (reader.ok() && !reader.rest().empty()) {
    const std::uint16_t option = reader.u16();
    const auto content = reader.take(reader.u16());
    if (option != kOptionServerId || content.empty()) continue;
    extension.server_id.assign(reinterpret_cast<const char*>(content.data()), content.size());
  }
  message.extension = std::move(extension);
  return reader.ok();
}

}  // namespace

std::string dns_rcode_name(unsigned rcode) {
  constexpr std::array<const char*, 12> kNames{"NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",  "REFUSED",
                                               "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE", "DSOTYPENI"};
  if (rcode < kNames.size()) return kNames[rcode];
  if (rcode == kDnsBadVersion) return "BADVERS";
  if (rcode == 23) return "BADCOOKIE";
  return fmt::format("RCODE{}", rcode);
}

std::optional<std::vector<std::byte>> encode_dns_question(const DnsQuestionMessage& question) {
  const auto name = encode_dns_name(question.name);
  if (!name) return std::nullopt;
  std::vector<std::byte> message;
  put_u16(message, question.id);
  put_u16(message, question.recursion_desired ? 0x0100 : 0);
  put_u16(message, 1);
  put_u16(message, 0);
  put_u16(message, 0);
  put_u16(message, question.edns_bytes ? 1 : 0);
  message.insert(message.end(), name->begin(), name->end());
  put_u16(message, question.type);
  put_u16(message, question.dns_class);
  if (question.edns_bytes) put_extension(message, question);
  return message;
}

bool is_reply_to(const DnsMessage& reply, const DnsQuestionMessage& question) {
  if (!reply.is_reply || reply.id != question.id || reply.opcode != 0) return false;
  if (!reply.question) return reply.rcode == kDnsFormatError || reply.rcode == kDnsNotImplemented;
  const auto asked = encode_dns_name(question.name);
  const auto name = asked ? decode_dns_name(*asked, 0) : std::nullopt;  // in one spelling of its escapes
  return name && canonical_dns_name(reply.question->name) == canonical_dns_name(name->name) &&
         reply.question->type == question.type && reply.question->dns_class == question.dns_class;
}

std::vector<IpAddress> answered_addresses(const DnsMessage& message) {
  std::vector<IpAddress> addresses;
  if (!message.question) return addresses;
  std::string owner = canonical_dns_name(message.question->name);
  for (const DnsRecord& record : message.answers) {
    if (record.dns_class != kDnsClassIn || canonical_dns_name(record.name) != owner) continue;
    if (record.type == kDnsTypeCname) owner = canonical_dns_name(record.text);
    if (record.type == message.question->type && record.address) addresses.push_back(*record.address);
  }
  return addresses;
}

std::optional<DnsMessage> decode_dns_message(std::span<const std::byte> bytes) {
  DnsMessage message;
  if (bytes.size() > kMaxMessageBytes || !MessageReader(bytes).read(message)) return std::nullopt;
  return message;
}

}  // namespace vpndoctor
