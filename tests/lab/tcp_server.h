// SPDX-License-Identifier: Apache-2.0
// Servers that stand in for TLS and SSH: they read one request and answer it with a flight of bytes of a chosen
// length. Knows the outer framing of both protocols and nothing of what is inside.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "event_loop.h"
#include "packet.h"
#include "vpndoctor/result.h"

namespace vpndoctor::lab {

class TcpServer {
 public:
  struct Config {
    std::uint16_t port = 0;
    Bytes greeting;                 ///< sent when a client connects
    Bytes reply;                    ///< sent once, when the request is complete
    bool waits_for_record = false;  ///< the request is a TLS record; else its first byte is enough
  };

  /// Listens on both families in the calling thread's network namespace and serves on `loop`.
  static Result<std::unique_ptr<TcpServer>> listen(EventLoop& loop, Config config);

 private:
  struct Connection {
    Fd socket;
    Bytes request;
    bool replied = false;
  };
  TcpServer(EventLoop& loop, Config config, Fd listener);
  void accept_one();
  void read_from(int fd);
  bool is_complete(BytesView request) const;

  EventLoop& loop_;
  Config config_;
  Fd listener_;
  std::map<int, Connection> connections_;
};

/// Returns a server that answers a ClientHello with `reply_bytes` in TLS handshake records.
TcpServer::Config tls_like_server(std::uint32_t reply_bytes);
/// Returns a server that greets with an SSH version and answers the client's with a key exchange packet.
TcpServer::Config ssh_like_server();

}  // namespace vpndoctor::lab
