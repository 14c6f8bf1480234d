// Every maximum in one place. What comes from outside is held against one of these.
#pragma once

#include <cstddef>
#include <cstdint>

namespace crossover::limits {

// HTTP, server side.
inline constexpr size_t kHeaderBytesMax = 8 * 1024;
inline constexpr size_t kBodyBytesMax = 1024 * 1024;
inline constexpr size_t kReadChunkBytes = 2 * 1024;  // offered to a first read; doubles up to
inline constexpr size_t kReadChunkBytesMax = 64 * 1024;
inline constexpr size_t kOutputBytesMax = 64 * 1024;   // serialised ahead of the socket
inline constexpr size_t kLingerBytesMax = 256 * 1024;  // discarded after an error response
inline constexpr size_t kResponseBodyBytesMax = 16 * 1024 * 1024;
inline constexpr int64_t kHandlerMicrosecondsMax = 10'000'000;

// Threads and connections.
inline constexpr size_t kConnectionsMax = 1'000'000;
inline constexpr size_t kThreadsMax = 1024;         // load threads, epoll-pool workers
inline constexpr size_t kPoolWorkersMax = 262'144;  // fasthttp's default limit
inline constexpr size_t kStackBytesMin = 64 * 1024;
inline constexpr size_t kStackBytesMax = 64 * 1024 * 1024;
inline constexpr int kBacklogMax = 65'535;
inline constexpr size_t kBatchMax = 65'536;  // events taken from the kernel at once

// Client.
inline constexpr size_t kResponseHeaderBytesMax = 64 * 1024;
inline constexpr size_t kTargetsMax = 1000;
inline constexpr size_t kPipelineMax = 256;             // requests in flight on a connection
inline constexpr size_t kPipelineBytesMax = 16 * 1024;  // of them: they fit into any socket
inline constexpr size_t kReconnectSources = 64;  // loopback addresses that churn spreads over
inline constexpr size_t kConnectionsPerSourceMax = 8192;  // of some 28,000 ports of an address
inline constexpr size_t kConnectsInFlightMax = 4096;
inline constexpr uint64_t kRequestsMax = 1'000'000'000'000;

// Time.
inline constexpr int64_t kDurationMaxNs = 24LL * 3600 * 1'000'000'000;
inline constexpr int64_t kIntervalMinNs = 100'000'000;  // between reports of progress

// Experiments and reports.
inline constexpr size_t kExperimentFileBytesMax = 1024 * 1024;
inline constexpr size_t kTrialsMax = 100'000;
inline constexpr size_t kRepetitionsMax = 1000;
inline constexpr size_t kDuetPairsMax = 10'000;
inline constexpr int64_t kInstrumentDurationMaxNs = 60LL * 1'000'000'000;
inline constexpr int64_t kSamplesPerSecondMax = 20'000;
inline constexpr size_t kNameBytesMax = 64;
inline constexpr size_t kDescriptionBytesMax = 1024;
inline constexpr size_t kPathBytesMax = 1024;  // of a request, and of one word of a launcher
inline constexpr size_t kLauncherWordsMax = 64;

// Lines between processes.
inline constexpr size_t kLineBytesMax = 4 * 1024 * 1024;

}  // namespace crossover::limits
