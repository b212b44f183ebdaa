// SPDX-License-Identifier: Apache-2.0
// The hand-made ClientHello: its lengths by a strict reader, its acceptance by `openssl s_server` of both versions.
#include "vpndoctor/client_hello.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

constexpr std::array<std::uint8_t, 32> kRandom = {1, 2, 3, 4, 5, 6, 7, 8};

std::string_view view(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_rest(std::size_t length, const ByteReader& reader) { return length == reader.rest().size(); }

/// Walks every length of a ClientHello; returns the extension types, empty when a length is wrong.
std::vector<std::uint16_t> extension_types(std::span<const std::byte> record) {
  ByteReader reader(record);
  EXPECT_EQ(reader.u8(), 22);
  EXPECT_EQ(reader.u16(), 0x0301);
  EXPECT_TRUE(is_rest(reader.u16(), reader));
  EXPECT_EQ(reader.u8(), 1);
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_TRUE(is_rest(reader.u16(), reader));
  EXPECT_EQ(reader.u16(), 0x0303);
  EXPECT_EQ(reader.take(32).size(), 32U);
  EXPECT_EQ(reader.take(reader.u8()).size(), 32U);
  EXPECT_EQ(reader.take(reader.u16()).size() % 2, 0U);
  EXPECT_EQ(reader.take(reader.u8()).size(), 1U);
  EXPECT_TRUE(is_rest(reader.u16(), reader));
  std::vector<std::uint16_t> types;
  while (reader.ok() && !reader.rest().empty()) {
    types.push_back(reader.u16());
    reader.take(reader.u16());
  }
  return reader.ok() ? types : std::vector<std::uint16_t>{};
}

TEST(ClientHello, LengthsAreConsistent) {
  EXPECT_EQ(extension_types(client_hello("vpn.example.org", kRandom)),
            (std::vector<std::uint16_t>{0, 10, 11, 13, 43, 45, 51}));
  EXPECT_LE(client_hello(std::string(200, 'a'), kRandom).size(), 512U);
}

TEST(ClientHello, NamesTheServerOnlyWhenThereIsAName) {
  EXPECT_NE(view(client_hello("vpn.example.org", kRandom)).find("vpn.example.org"), std::string_view::npos);
  EXPECT_EQ(extension_types(client_hello("", kRandom)).front(), 10);
  EXPECT_EQ(extension_types(client_hello(std::string(10000, 'a'), kRandom)).front(), 10);
}

TEST(Dialogue, FollowsTheGreetingBeforeThePort) {
  EXPECT_EQ(choose_dialogue(443, ""), Dialogue::kTls);
  EXPECT_EQ(choose_dialogue(22, ""), Dialogue::kSsh);
  EXPECT_EQ(choose_dialogue(443, "SSH-2.0-x\r\n"), Dialogue::kSsh);
  EXPECT_EQ(choose_dialogue(22, "220 mail"), Dialogue::kTls);
  EXPECT_EQ(choose_dialogue(80, ""), Dialogue::kHttp);
}

TEST(UnfinishedMessage, PromisesMoreThanItBrings) {
  const auto tls = unfinished_message(Dialogue::kTls, "", 3000);
  ASSERT_EQ(tls.size(), 3000U);
  EXPECT_EQ(view(tls).substr(0, 5), std::string_view("\x16\x03\x03\x40\x00", 5));
  const auto tls13 = unfinished_message(Dialogue::kTls, std::string_view("..\x00\x2b\x00\x02\x03\x04..", 10), 3000);
  EXPECT_EQ(std::to_integer<int>(tls13.front()), 0x17);
  const auto ssh = unfinished_message(Dialogue::kSsh, "", 3000);
  EXPECT_EQ(view(ssh).substr(0, 5), std::string_view("\x00\x00\x7f\xfc\x04", 5));
  EXPECT_EQ(view(unfinished_message(Dialogue::kHttp, "", 3000)).substr(0, 5), "GET /");
  EXPECT_TRUE(unfinished_message(Dialogue::kTls, "", longest_unfinished_message(Dialogue::kTls) + 1).empty());
}

/// `openssl s_server` on a loopback port of the kernel's choice, with a key made for this test.
class OpenSslServer : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("command -v openssl >/dev/null 2>&1") != 0) GTEST_SKIP() << "openssl is not installed";
    directory_ = std::filesystem::temp_directory_path() / ("vpndoctor-tls-" + std::to_string(getpid()));
    std::filesystem::create_directory(directory_);
    const std::string make = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=test -days 2 -keyout " + key() +
                             " -out " + certificate() + " >/dev/null 2>&1";
    ASSERT_EQ(std::system(make.c_str()), 0);
  }
  void TearDown() override {
    if (child_ > 0) {
      kill(child_, SIGTERM);
      waitpid(child_, nullptr, 0);
    }
    if (output_ >= 0) close(output_);
    if (input_ >= 0) close(input_);
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }
  std::string key() const { return directory_ / "key.pem"; }
  std::string certificate() const { return directory_ / "certificate.pem"; }

  /// `groups`: the only curve that the server takes, so that the key share of each is seen to be right.
  void start(const char* version, const char* groups) {
    int ends[2];
    int input[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    ASSERT_EQ(pipe2(input, O_CLOEXEC), 0);
    child_ = fork();
    if (child_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      dup2(input[0], STDIN_FILENO);  // s_server hangs up at the end of its input
      execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate().c_str(), "-key",
             key().c_str(), version, "-groups", groups, static_cast<char*>(nullptr));
      _exit(127);
    }
    close(ends[1]);
    close(input[0]);
    output_ = ends[0];
    input_ = input[1];
    port_ = accepted_port();
    ASSERT_NE(port_, 0);
  }

  /// Sends the message and returns the reply: at least `enough` bytes, or less when the server hangs up.
  std::string ask(std::span<const std::byte> message, std::size_t enough) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(write(fd, message.data(), message.size()), static_cast<ssize_t>(message.size()));
    std::string reply;
    char buffer[4096];
    while (reply.size() < enough) {
      const ssize_t got = read(fd, buffer, sizeof buffer);
      if (got <= 0) break;
      reply.append(buffer, static_cast<std::size_t>(got));
    }
    close(fd);
    return reply;
  }

 private:
  /// "ACCEPT 127.0.0.1:PORT" is what s_server prints once it listens.
  std::uint16_t accepted_port() {
    std::string text;
    char c = 0;
    while (read(output_, &c, 1) == 1 && (c != '\n' || text.find("ACCEPT") == std::string::npos)) text += c;
    const auto colon = text.rfind(':');
    return colon == std::string::npos ? std::uint16_t{0}
                                      : static_cast<std::uint16_t>(std::stoi(text.substr(colon + 1)));
  }

  std::filesystem::path directory_;
  pid_t child_ = -1;
  int output_ = -1;
  int input_ = -1;
  std::uint16_t port_ = 0;
};

constexpr std::string_view kServerHelloStart("\x16\x03\x03", 3);

TEST_F(OpenSslServer, OfTls12AnswersWithItsCertificate) {
  ASSERT_NO_FATAL_FAILURE(start("-tls1_2", "P-256"));
  const std::string reply = ask(client_hello("vpn.example.org", kRandom), 900);
  ASSERT_GE(reply.size(), 900U);
  EXPECT_TRUE(reply.starts_with(kServerHelloStart));
  EXPECT_EQ(unfinished_message(Dialogue::kTls, reply, 100).front(), std::byte{22});
}

TEST_F(OpenSslServer, OfTls13AnswersWithItsCertificate) {
  ASSERT_NO_FATAL_FAILURE(start("-tls1_3", "X25519"));
  const std::string reply = ask(client_hello("", kRandom), 900);
  ASSERT_GE(reply.size(), 900U);
  EXPECT_TRUE(reply.starts_with(kServerHelloStart));
  EXPECT_EQ(unfinished_message(Dialogue::kTls, reply, 100).front(), std::byte{23});
}

TEST_F(OpenSslServer, WithoutX25519AnswersWithItsCertificate) {
  ASSERT_NO_FATAL_FAILURE(start("-tls1_3", "P-256"));
  EXPECT_GE(ask(client_hello("vpn.example.org", kRandom), 900).size(), 900U);
}

}  // namespace
}  // namespace vpndoctor
