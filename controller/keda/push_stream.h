// Server streams of gRPC that tell the newest of something: what is newer than what is being sent
// replaces what waits.
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "core/status.h"

namespace reeve {

inline grpc::Status ToGrpc(const absl::Status& status) {
  // The numbers of absl's codes are those of gRPC.
  return status.ok()
             ? grpc::Status::OK
             : grpc::Status(static_cast<grpc::StatusCode>(status.raw_code()), MessageOf(status));
}

// Owns itself: gRPC says when it is done. Push and End may be called by any thread.
//
// A write in flight keeps the object alive, since gRPC is done only after it; so writes are begun
// without the lock, and what gRPC calls meanwhile finds the object whole.
template <class Message>
class PushStream : public grpc::ServerWriteReactor<Message> {
 public:
  // Reaches a stream that may have ended.
  class Outlet {
   public:
    explicit Outlet(PushStream* stream) : stream_(stream) {}
    void Push(Message message) {
      const std::lock_guard lock(mutex_);
      if (stream_ != nullptr) stream_->Push(std::move(message));
    }
    void Close() {
      const std::lock_guard lock(mutex_);
      stream_ = nullptr;
    }

   private:
    std::mutex mutex_;
    PushStream* stream_;  // guarded by mutex_
  };

  void Push(Message message) {
    {
      const std::lock_guard lock(mutex_);
      if (end_) return;
      next_ = std::move(message);
      if (writing_) return;
      Take();
    }
    this->StartWrite(&current_);
  }

  // After what is being sent.
  void End(const grpc::Status& status) {
    {
      const std::lock_guard lock(mutex_);
      if (end_) return;
      end_ = status;
      if (writing_) return;
    }
    this->Finish(status);
  }

  void OnCancel() override { End(grpc::Status::CANCELLED); }

  void OnWriteDone(bool ok) override {
    std::optional<grpc::Status> end;
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
      if (!ok && !end_) end_ = grpc::Status::CANCELLED;
      end = end_;
      if (!end && !next_) return;
      if (!end) Take();
    }
    if (end) {
      this->Finish(*end);
    } else {
      this->StartWrite(&current_);
    }
  }

  void OnDone() override {
    Ended();
    delete this;
  }

 protected:
  ~PushStream() override = default;

 private:
  virtual void Ended() = 0;  // the last call
  void Take() {
    current_ = *std::move(next_);
    next_.reset();
    writing_ = true;
  }

  std::mutex mutex_;
  // Guarded by mutex_, but for current_ while it is being written.
  std::optional<Message> next_;
  Message current_;
  bool writing_ = false;
  std::optional<grpc::Status> end_;
};

template <class Message>
class RefusedStream : public grpc::ServerWriteReactor<Message> {
 public:
  explicit RefusedStream(const absl::Status& why) { this->Finish(ToGrpc(why)); }
  void OnDone() override { delete this; }
};

}  // namespace reeve
