#include "servers/test_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <ostream>

#include "servers/date_source.h"

namespace crossover {

Client::Client(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{.tv_sec = 30, .tv_usec = 0};
  setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const int one = 1;
  setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
}

Client& Client::Send(std::string_view bytes) {
  EXPECT_EQ(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
  return *this;
}

Client& Client::TrySend(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    EXPECT_FALSE(n < 0 && errno == EAGAIN) << "nothing was taken for 30 s";
    if (n <= 0) break;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return *this;
}

void Client::EndOutput() { ::shutdown(socket_.get(), SHUT_WR); }

void Client::Abort() {
  const linger hard{.l_onoff = 1, .l_linger = 0};
  setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  socket_.Reset();
}

std::string Client::Receive() {
  size_t end = 0;
  while ((end = input_.find("\r\n\r\n")) == std::string::npos) {
    if (!Fill()) return "(closed) " + input_;
  }
  const size_t length_at = input_.find("Content-Length: ");
  const size_t size = end + 4 + std::stoul(input_.substr(length_at + 16));
  std::string response = Take(size);
  return response.size() == size ? WithoutDates(std::move(response)) : "(short) " + response;
}

std::string Client::ReceiveAll() {
  while (Fill()) {
  }
  return input_;
}

std::string Client::Take(size_t size) {
  while (input_.size() < size && Fill()) {
  }
  std::string bytes = input_.substr(0, size);
  input_.erase(0, bytes.size());
  return bytes;
}

void Client::ReceiveSome() { EXPECT_TRUE(Fill()); }

bool Client::Fill() {
  char chunk[16 * 1024];
  const ssize_t n = ::recv(socket_.get(), chunk, sizeof chunk, 0);
  EXPECT_FALSE(n < 0 && errno == EAGAIN) << "nothing came for 30 s";
  if (n > 0) input_.append(chunk, static_cast<size_t>(n));
  return n > 0;
}

std::string WithoutDates(std::string bytes) {
  constexpr std::string_view kName = "\r\nDate: ";
  for (size_t at = 0; (at = bytes.find(kName, at)) != std::string::npos;) {
    at += kName.size();
    bytes.replace(at, kDateBytes, kDateBytes, '*');
  }
  return bytes;
}

std::string Ok(std::string_view body, std::string_view type) {
  return "HTTP/1.1 200 OK\r\nDate: " + std::string(kDateBytes, '*') +
         "\r\nServer: crossover\r\nContent-Type: " + std::string(type) +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

void RunningServer::StopAndJoin() {
  server_.Stop();
  if (thread_.joinable()) thread_.join();
}

ServerOptions OptionsFor(std::string_view architecture) {
  ServerOptions options{.architecture = std::string(architecture)};
  options.knobs.workers = 2;
  options.timeouts.linger_ns = 100'000'000;
  // A test that wants connections cut off says so. Elsewhere nothing may depend on speed: 128 forks
  // under a sanitizer beside other work take longer than the default.
  options.timeouts.drain_ns = 120'000'000'000;
  return options;
}

void PrintTo(const ArchitectureEntry& entry, std::ostream* out) { *out << entry.name; }

std::string TestName(const ArchitectureEntry& entry) {
  std::string name(entry.name);
  std::erase(name, '-');
  return name;
}

}  // namespace crossover
