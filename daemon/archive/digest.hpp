// SPDX-License-Identifier: Apache-2.0
// SHA-256, by libcrypto.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace pgcaretaker::archive {

class Digest {
 public:
  Digest();
  void update(std::string_view bytes);
  /// Lower-case hexadecimal; once, at the end.
  [[nodiscard]] std::string hex();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

/// "OpenSSL 3.0.15", the one that is linked.
[[nodiscard]] std::string digest_library();

}  // namespace pgcaretaker::archive
