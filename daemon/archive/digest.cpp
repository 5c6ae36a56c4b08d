// SPDX-License-Identifier: Apache-2.0
// The door to libcrypto.
#include "archive/digest.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

#include "archive/error.hpp"

namespace pgcaretaker::archive {

void Digest::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Digest::Digest() : context_{EVP_MD_CTX_new()} {
  if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) {
    throw Error{"libcrypto gives no SHA-256"};
  }
}

void Digest::update(std::string_view bytes) {
  if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1) {
    throw Error{"libcrypto cannot go on with SHA-256"};
  }
}

std::string Digest::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  if (EVP_DigestFinal_ex(context_.get(), bytes.data(), &size) != 1) {
    throw Error{"libcrypto cannot end SHA-256"};
  }
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += fmt::format("{:02x}", bytes.at(i));
  }
  return text;
}

std::string digest_library() {
  return fmt::format("OpenSSL {}", OpenSSL_version(OPENSSL_VERSION_STRING));
}

}  // namespace pgcaretaker::archive
