// SPDX-License-Identifier: Apache-2.0
// The DNS codec against c-ares: the same names accepted and written the same way, the same addresses, on replies that
// are drawn at random and then damaged. Where ours is stricter, the test works out why by itself.
#include "vpndoctor/dns_message.h"

#include <ares.h>
#include <ares_nameser.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>

#include "handles.h"
#include "vpndoctor/dns_explain.h"
#include "vpndoctor/dns_server.h"

namespace vpndoctor {
namespace {

using Bytes = std::vector<std::byte>;

const unsigned char* raw(const Bytes& bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

Bytes bytes_of(std::string_view text) {
  Bytes bytes;
  for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
  return bytes;
}

void append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }

/// Draws replies: names with and without compression, records of every type that has a form of its own.
class ReplyMaker {
 public:
  explicit ReplyMaker(unsigned seed) : random_(seed) {}

  Bytes reply();
  /// Changes, cuts or lengthens it somewhere.
  Bytes damaged(Bytes reply);
  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }

 private:
  void u8(std::size_t number) { out_.push_back(static_cast<std::byte>(number & 0xFFU)); }
  void u16(std::size_t number) {
    u8(number >> 8U);
    u8(number);
  }
  void u32(std::size_t number) {
    u16(number >> 16U);
    u16(number);
  }
  void name();
  void data(std::uint16_t type);
  void record(std::uint16_t type);
  void string(std::size_t length);

  std::mt19937 random_;
  Bytes out_;
  std::vector<std::size_t> names_;
};

void ReplyMaker::name() {
  const std::size_t start = out_.size();
  const std::size_t labels = below(4);
  for (std::size_t i = 0; i < labels; ++i) {
    const std::size_t length = 1 + below(below(20) == 0 ? 63 : 8);
    u8(length);
    for (std::size_t j = 0; j < length; ++j) u8(below(10) == 0 ? below(256) : 'a' + below(26));
  }
  if (!names_.empty() && below(3) != 0) {
    u16(0xC000U | names_[below(names_.size())]);
  } else {
    u8(0);
  }
  names_.push_back(start);
}

void ReplyMaker::string(std::size_t length) {
  u8(length);
  for (std::size_t i = 0; i < length; ++i) u8(below(256));
}

void ReplyMaker::data(std::uint16_t type) {
  switch (type) {
    case kDnsTypeA:
      return u32(random_());
    case kDnsTypeAaaa:
      for (int i = 0; i < 4; ++i) u32(random_());
      return;
    case kDnsTypeMx:
      u16(below(100));
      return name();
    case kDnsTypeSrv:
      for (int i = 0; i < 3; ++i) u16(below(100));
      return name();
    case kDnsTypeTxt:
      for (std::size_t i = 1 + below(3); i > 0; --i) string(below(30));
      return;
    case kDnsTypeSoa:
      name();
      name();
      for (int i = 0; i < 5; ++i) u32(random_());
      return;
    case kDnsTypeHttps:
      for (std::size_t i = below(80); i > 0; --i) u8(below(256));
      return;
    default:
      return name();
  }
}

void ReplyMaker::record(std::uint16_t type) {
  if (below(2) == 0) {
    u16(0xC00C);
  } else {
    name();
  }
  u16(type);
  u16(1);
  u32(below(100000));
  const std::size_t length_at = out_.size();
  u16(0);
  data(type);
  const std::size_t length = out_.size() - length_at - 2;
  out_[length_at] = static_cast<std::byte>(length >> 8U);
  out_[length_at + 1] = static_cast<std::byte>(length & 0xFFU);
}

Bytes ReplyMaker::reply() {
  constexpr std::array<std::uint16_t, 10> kTypes{kDnsTypeA,  kDnsTypeAaaa, kDnsTypeCname, kDnsTypeNs,  kDnsTypePtr,
                                                 kDnsTypeMx, kDnsTypeSrv,  kDnsTypeTxt,   kDnsTypeSoa, kDnsTypeHttps};
  out_.clear();
  names_.clear();
  const std::size_t answers = below(5);
  u16(below(65536));
  u16(0x8180);
  u16(1);
  u16(answers);
  u16(0);
  u16(0);
  name();
  // Half of the replies are of one type, as c-ares' parsers want them.
  const std::uint16_t type = below(2) == 0 ? kDnsTypeA : kDnsTypeAaaa;
  const bool mixed = below(2) == 0;
  u16(type);
  u16(1);
  for (std::size_t i = 0; i < answers; ++i) record(mixed ? kTypes[below(kTypes.size())] : type);
  return out_;
}

Bytes ReplyMaker::damaged(Bytes reply) {
  for (std::size_t i = below(4); i > 0; --i) reply[below(reply.size())] = static_cast<std::byte>(below(256));
  if (below(4) == 0) reply.resize(1 + below(reply.size()));
  return reply;
}

/// Walks a name without any of the decoder's bounds but its own, and says what of it only our decoder refuses (or
/// only c-ares: more than 50 pointers).
struct NameTraits {
  bool points_forwards = false;
  bool too_long = false;
  int pointers = 0;
};

NameTraits traits_of(const Bytes& message, std::size_t offset) {
  NameTraits traits;
  std::size_t run = offset;
  std::size_t length = 1;
  for (int steps = 0; steps < 2000 && offset < message.size(); ++steps) {
    const auto byte = static_cast<std::size_t>(message[offset]);
    if (byte == 0) break;
    if (byte >= 0xC0) {
      if (offset + 1 >= message.size()) break;
      const std::size_t target = (byte & 0x3FU) << 8U | static_cast<std::size_t>(message[offset + 1]);
      traits.points_forwards |= target >= run;
      ++traits.pointers;
      offset = run = target;
    } else {
      length += byte + 1;
      offset += byte + 1;
    }
  }
  traits.too_long = length > 255;
  return traits;
}

bool has_lone_zero(const std::string& name) { return ("." + name + ".").contains(".\\000."); }

void expect_same_name(const Bytes& message, std::size_t offset) {
  const auto ours = decode_dns_name(message, offset);
  char* text = nullptr;
  long size = 0;
  const int status =
      ares_expand_name(raw(message) + offset, raw(message), static_cast<int>(message.size()), &text, &size);
  const std::unique_ptr<char, Freer<ares_free_string>> owner(text);
  const NameTraits traits = traits_of(message, offset);
  if (status == ARES_SUCCESS && !ours) {
    EXPECT_TRUE(traits.points_forwards || traits.too_long) << text;
    return;
  }
  ASSERT_EQ(status == ARES_SUCCESS, ours.has_value() && traits.pointers <= 50) << status;
  if (status != ARES_SUCCESS) return;
  // A label that is one zero byte is what c-ares 1.18 writes as it is, so that its text ends there.
  if (!has_lone_zero(ours->name)) {
    EXPECT_EQ(ours->name, *text == '\0' ? "." : std::string(text));
  }
  EXPECT_EQ(ours->next, offset + static_cast<std::size_t>(size));
}

TEST(DnsMessage, NamesAreThoseOfCares) {
  ReplyMaker maker(1);
  for (int i = 0; i < 20000; ++i) {
    const Bytes message = maker.damaged(maker.reply());
    for (int j = 0; j < 8; ++j) expect_same_name(message, maker.below(message.size()));
  }
}

std::vector<std::string> addresses_of(const DnsMessage& message) {
  std::vector<std::string> texts;
  for (const IpAddress& address : answered_addresses(message)) texts.push_back(address.to_string());
  return texts;
}

std::string shown(const DnsMessage& message) {
  std::string text = fmt::format("{} {}", message.question->name, message.question->type);
  for (const DnsRecord& each : message.answers) {
    text += fmt::format("\n{} {} {} {}", each.name, each.dns_class, each.type, each.text);
  }
  return text;
}

/// c-ares follows a CNAME whatever its owner; ours must belong to the chain.
bool has_stray_cname(const DnsMessage& message) {
  std::string owner = message.question->name;
  for (const DnsRecord& record : message.answers) {
    if (record.type != kDnsTypeCname || record.dns_class != kDnsClassIn) continue;
    if (canonical_dns_name(record.name) != canonical_dns_name(owner)) return true;
    owner = record.text;
  }
  return false;
}

/// By c-ares' parsers.
std::optional<std::vector<std::string>> addresses_by_cares(const Bytes& message, std::uint16_t type) {
  std::vector<std::string> texts;
  int count = 400;
  const auto add = [&texts](const void* address, std::size_t size) {
    texts.push_back(IpAddress::from_bytes(std::span(static_cast<const std::byte*>(address), size))->to_string());
  };
  const int size = static_cast<int>(message.size());
  int status = 0;
  if (type == kDnsTypeA) {
    std::array<ares_addrttl, 400> found{};
    status = ares_parse_a_reply(raw(message), size, nullptr, found.data(), &count);
    for (int i = 0; status == ARES_SUCCESS && i < count; ++i) add(&found[static_cast<std::size_t>(i)].ipaddr, 4);
  } else {
    std::array<ares_addr6ttl, 400> found{};
    status = ares_parse_aaaa_reply(raw(message), size, nullptr, found.data(), &count);
    for (int i = 0; status == ARES_SUCCESS && i < count; ++i) add(&found[static_cast<std::size_t>(i)].ip6addr, 16);
  }
  if (status != ARES_SUCCESS && status != ARES_ENODATA) return std::nullopt;
  return texts;
}

TEST(DnsMessage, AddressesOfWholeRepliesAreThoseOfCares) {
  ReplyMaker maker(2);
  int compared = 0;
  for (int i = 0; i < 20000; ++i) {
    const Bytes message = maker.reply();
    const auto ours = decode_dns_message(message);
    if (!ours) continue;  // a name longer than 255 bytes
    const auto theirs = addresses_by_cares(message, ours->question->type);
    if (!theirs || theirs->empty() || has_stray_cname(*ours)) continue;
    EXPECT_EQ(addresses_of(*ours), *theirs) << shown(*ours);
    ++compared;
  }
  EXPECT_GT(compared, 5000);
}

TEST(DnsMessage, AddressesOfDamagedRepliesAreThoseOfCares) {
  ReplyMaker maker(3);
  int compared = 0;
  for (int i = 0; i < 60000; ++i) {
    const Bytes message = maker.damaged(maker.reply());
    const auto ours = decode_dns_message(message);
    if (!ours || !ours->question || ours->is_cut) continue;
    if (ours->question->type != kDnsTypeA && ours->question->type != kDnsTypeAaaa) continue;
    const auto theirs = addresses_by_cares(message, ours->question->type);
    if (!theirs || theirs->empty() || has_stray_cname(*ours)) continue;
    EXPECT_EQ(addresses_of(*ours), *theirs) << shown(*ours);
    ++compared;
  }
  EXPECT_GT(compared, 5000);
}

TEST(DnsMessage, IsCutAtEveryByteWithoutBeingTaken) {
  ReplyMaker maker(4);
  for (int i = 0; i < 300; ++i) {
    Bytes message = maker.reply();
    for (std::size_t size = 0; size < message.size(); ++size) {
      EXPECT_FALSE(decode_dns_message(std::span(message).first(size)).has_value());
    }
    message[2] |= std::byte{0x02};  // TC: what is missing was announced
    for (std::size_t size = 0; size < message.size(); ++size) {
      const auto cut = decode_dns_message(std::span(message).first(size));
      EXPECT_TRUE(!cut || (cut->is_cut && cut->answers.size() < 5)) << size;
    }
  }
}

TEST(DnsMessage, PointersInACircleEndNowhere) {
  const Bytes self = bytes_of(std::string_view("\xC0\x00", 2));
  EXPECT_FALSE(decode_dns_name(self, 0).has_value());
  const Bytes pair = bytes_of(std::string_view("\xC0\x02\xC0\x00", 4));
  EXPECT_FALSE(decode_dns_name(pair, 0).has_value());
  EXPECT_FALSE(decode_dns_name(pair, 2).has_value());
  const Bytes loop_with_label = bytes_of(std::string_view("\x01z\x01y\xC0\x00", 6));
  EXPECT_FALSE(decode_dns_name(loop_with_label, 0).has_value());
  EXPECT_FALSE(decode_dns_name(loop_with_label, 2).has_value());
}

TEST(DnsMessage, FollowsAtMost127Pointers) {
  Bytes chain =
      bytes_of(std::string_view("\x01"
                                "a\x00",
                                3));
  std::size_t target = 0;
  for (int i = 0; i < 128; ++i) {
    const std::size_t here = chain.size();
    chain.push_back(static_cast<std::byte>(0xC0U | target >> 8U));
    chain.push_back(static_cast<std::byte>(target & 0xFFU));
    target = here;
  }
  EXPECT_EQ(decode_dns_name(chain, target - 2).value_or(DnsNameInMessage{}).name, "a");
  EXPECT_FALSE(decode_dns_name(chain, target).has_value());
}

TEST(DnsMessage, NamesHaveAtMost255Bytes) {
  const std::string label(63, 'a');
  const std::string longest = fmt::format("{0}.{0}.{0}.{1}", label, std::string(61, 'b'));
  EXPECT_EQ(encode_dns_name(longest).value_or(Bytes{}).size(), 255U);
  EXPECT_FALSE(encode_dns_name(longest + "b").has_value());
  EXPECT_FALSE(encode_dns_name(label + "a").has_value());
  Bytes wire = *encode_dns_name(longest);
  EXPECT_EQ(decode_dns_name(wire, 0).value_or(DnsNameInMessage{}).name, longest);
  wire.insert(wire.begin(), {std::byte{1}, std::byte{'c'}});
  EXPECT_FALSE(decode_dns_name(wire, 0).has_value());
}

TEST(DnsMessage, NamesAreEscapedAsInZoneFiles) {
  EXPECT_EQ(encode_dns_name("a\\.b\\001.c.").value_or(Bytes{}), bytes_of(std::string_view("\x04"
                                                                                          "a.b\x01\x01"
                                                                                          "c\x00",
                                                                                          8)));
  for (const char* wrong : {"", "..", "a..b", ".a", "a\\", "a\\25", "a\\256", "a\\2x1"}) {
    EXPECT_FALSE(encode_dns_name(wrong).has_value()) << wrong;
  }
  EXPECT_EQ(encode_dns_name(".").value_or(Bytes{}), Bytes(1));
}

TEST(DnsMessage, QuestionsAreThoseOfCares) {
  ReplyMaker maker(5);
  for (int i = 0; i < 2000; ++i) {
    const Bytes drawn = maker.reply();
    const auto name = decode_dns_name(drawn, 12);
    // c-ares reads no decimal escapes.
    if (!name || name->name == "." || name->name.contains("\\0") || name->name.contains("\\1") ||
        name->name.contains("\\2")) {
      continue;
    }
    DnsQuestionMessage question;
    question.id = static_cast<std::uint16_t>(maker.below(65536));
    question.name = name->name;
    question.type = static_cast<std::uint16_t>(maker.below(300));
    question.edns_bytes = maker.below(2) == 0 ? std::nullopt : std::optional(static_cast<std::uint16_t>(1232));
    unsigned char* theirs = nullptr;
    int size = 0;
    ASSERT_EQ(ares_create_query(name->name.c_str(), 1, question.type, question.id, 1, &theirs, &size,
                                question.edns_bytes.value_or(0)),
              ARES_SUCCESS);
    const auto* begin = reinterpret_cast<const std::byte*>(theirs);
    EXPECT_EQ(encode_dns_question(question).value_or(Bytes{}), Bytes(begin, begin + size)) << name->name;
    ares_free_string(theirs);
  }
}

Bytes reply_with(std::string_view records, unsigned answers, std::string_view additional = {}) {
  Bytes message = bytes_of(std::string_view("\x12\x34\x81\x83\x00\x01\x00", 7));
  message.push_back(static_cast<std::byte>(answers));
  append(message, bytes_of(std::string_view("\0\0\0", 3)));
  message.push_back(additional.empty() ? std::byte{0} : std::byte{1});
  append(message, bytes_of(std::string_view("\x01q\x00\x00\x10\x00\x01", 7)));
  append(message, bytes_of(records));
  append(message, bytes_of(additional));
  return message;
}

TEST(DnsMessage, ReadsTheExtensionOfTheServer) {
  // Root, OPT, 1232 bytes, upper response code 1, version 0, DO, NSID "ns1".
  const auto message =
      decode_dns_message(reply_with("", 0, std::string_view("\0\0\x29\x04\xd0\x01\0\x80\0\0\x07\0\x03\0\x03ns1", 18)));
  ASSERT_TRUE(message && message->extension);
  EXPECT_EQ(message->rcode, 16U + kDnsNoSuchName);
  EXPECT_EQ(message->extension->udp_bytes, 1232);
  EXPECT_EQ(message->extension->server_id, "ns1");
  EXPECT_TRUE(message->extension->dnssec_ok);
  EXPECT_TRUE(message->additional.empty());
}

TEST(DnsMessage, StringsAreKeptRawAndShownQuoted) {
  const auto message = decode_dns_message(reply_with(std::string_view("\xC0\x0C\0\x10\0\x03\0\0\0\0\0\x08\x03"
                                                                      "a\"\x1b\x03xyz",
                                                                      20),
                                                     1));
  ASSERT_TRUE(message && message->answers.size() == 1);
  EXPECT_EQ(message->answers[0].text, "\"a\\\"\\027\" \"xyz\"");
  EXPECT_EQ(message->answers[0].strings, (std::vector<std::string>{"a\"\x1b", "xyz"}));
}

TEST(DnsMessage, DataThatDoesNotFitItsTypeIsRefused) {
  const auto record = [](std::string_view type_and_class, std::string_view data) {
    std::string text(std::string_view("\xC0\x0C", 2));
    text += type_and_class;
    text += std::string_view("\0\0\0\0\0", 5);
    text += static_cast<char>(data.size());
    text += data;
    return reply_with(text, 1);
  };
  const auto is_taken = [&](std::string_view type, std::string_view data) {
    return decode_dns_message(record(type, data)).has_value();
  };
  using namespace std::string_view_literals;
  EXPECT_TRUE(is_taken("\0\x01\0\x01"sv, "\x0a\0\0\x01"sv));
  EXPECT_FALSE(is_taken("\0\x01\0\x01"sv, "\x0a\0\0"sv));
  EXPECT_FALSE(is_taken("\0\x1c\0\x01"sv, "\x0a\0\0\x01"sv));
  EXPECT_TRUE(is_taken("\0\x05\0\x01"sv, "\xC0\x0C"sv));
  EXPECT_FALSE(is_taken("\0\x05\0\x01"sv, "\xC0\x0Cx"sv));
  EXPECT_FALSE(is_taken("\0\x0f\0\x01"sv, "\0"sv));
  EXPECT_FALSE(is_taken("\0\x10\0\x01"sv,
                        "\x05"
                        "abc"sv));
  EXPECT_FALSE(is_taken("\0\x10\0\x01"sv, ""sv));
  EXPECT_FALSE(is_taken("\0\x06\0\x01"sv, "\xC0\x0C\xC0\x0C\0\0\0\0"sv));
  EXPECT_TRUE(is_taken("\0\x41\0\x01"sv, ""sv));
}

}  // namespace
}  // namespace vpndoctor
