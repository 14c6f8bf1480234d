// LoadLoop with several requests in flight on a connection (HTTP pipelining, RFC 9112, 9.3.2):
// responses come in the order of their requests, so that a ring of sending times tells them apart.
#include "base/check.h"
#include "base/clock.h"
#include "loadgen/load_loop.h"

namespace crossover {

size_t LoadLoop::InFlight(uint32_t index) const {
  if (pipelines()) return pipelines_[index].count;
  return connections_[index].state == ConnectionState::kAwaiting ? 1 : 0;
}

void LoadLoop::OnPipelinedBytes(uint32_t index, std::string_view bytes, bool last) {
  Connection& connection = connections_[index];
  while (!bytes.empty()) {
    if (connection.state != ConnectionState::kAwaiting) {  // nobody asked for these bytes
      return Lose(index, tally_.ledger.requests.malformed);
    }
    if (setting_.options.trace && !connection.progress.begun()) {
      first_byte_ns_[index] = MonotonicNs();
    }
    ResponseCheck& check = checks_[connection.kind];
    const Verdict verdict = check.Feed(connection.progress, bytes);
    if (verdict == Verdict::kIncomplete) return;
    bytes.remove_prefix(bytes.size() - check.left());
    Finish(index, verdict, last);
    if (connection.state == ConnectionState::kDead) return;
  }
  if (stage_ != Stage::kConnect && !last) FillPipeline(index, MonotonicNs());
}

// Sends as many requests as there is room for, with one call.
void LoadLoop::FillPipeline(uint32_t index, int64_t now_ns) {
  // What is not sent now goes with what the next response makes room for.
  if (!SendsAt(now_ns) || engine_->IsSending(index)) return;
  const size_t count = setting_.options.pipeline - pipelines_[index].count;
  if (count == 0) return;
  PushPipeline(index, count, now_ns);
  const size_t each_bytes = setting_.mix.at(0).bytes.size();
  tally_.sent_bytes += count * each_bytes;
  engine_->Send(index, std::string_view(pipeline_bytes_).substr(0, count * each_bytes));
}

void LoadLoop::PushPipeline(uint32_t index, size_t count, int64_t now_ns) {
  const size_t depth = setting_.options.pipeline;
  Pipeline& pipeline = pipelines_[index];
  CHECK(pipeline.count + count <= depth);
  Connection& connection = connections_[index];
  if (pipeline.count == 0) connection.since_ns = connection.due_ns = now_ns;
  for (size_t i = 0; i < count; ++i) {
    const size_t slot = (pipeline.oldest + pipeline.count + i) % depth;
    pipeline_sent_ns_[index * depth + slot] = now_ns;
  }
  pipeline.count = static_cast<uint16_t>(pipeline.count + count);
  connection.state = ConnectionState::kAwaiting;
  tally_.ledger.requests.scheduled += count;
  awaiting_ += count;
}

// The oldest request is answered; the next one is now what the connection waits for.
void LoadLoop::PopPipeline(uint32_t index) {
  const size_t depth = setting_.options.pipeline;
  Pipeline& pipeline = pipelines_[index];
  pipeline.oldest = static_cast<uint16_t>((pipeline.oldest + 1) % depth);
  if (--pipeline.count == 0) return;
  Connection& connection = connections_[index];
  connection.state = ConnectionState::kAwaiting;
  connection.since_ns = connection.due_ns = pipeline_sent_ns_[index * depth + pipeline.oldest];
}

}  // namespace crossover
