// SPDX-License-Identifier: Apache-2.0
// The words of the file for each enumerator.
#pragma once

#include <array>
#include <concepts>
#include <string_view>
#include <utility>

#include "config/settings.hpp"

namespace pgcaretaker::config {

template <class Choice>
struct Words;

template <class Choice, std::size_t count>
using WordList = std::array<std::pair<Choice, std::string_view>, count>;

template <>
struct Words<LogLevel> {
  static constexpr WordList<LogLevel, 6> list{{{LogLevel::trace, "trace"},
                                               {LogLevel::debug, "debug"},
                                               {LogLevel::info, "info"},
                                               {LogLevel::warn, "warn"},
                                               {LogLevel::error, "error"},
                                               {LogLevel::off, "off"}}};
};

template <>
struct Words<LogFormat> {
  static constexpr WordList<LogFormat, 4> list{{{LogFormat::automatic, "auto"},
                                                {LogFormat::text, "text"},
                                                {LogFormat::json, "json"},
                                                {LogFormat::journal, "journal"}}};
};

template <>
struct Words<KeyForm> {
  static constexpr WordList<KeyForm, 6> list{{{KeyForm::automatic, "auto"},
                                              {KeyForm::uuidv7, "uuidv7"},
                                              {KeyForm::seconds, "seconds"},
                                              {KeyForm::milliseconds, "milliseconds"},
                                              {KeyForm::microseconds, "microseconds"},
                                              {KeyForm::snowflake, "snowflake"}}};
};

template <>
struct Words<Expire> {
  static constexpr WordList<Expire, 4> list{{{Expire::drop, "drop"},
                                             {Expire::detach, "detach"},
                                             {Expire::archive, "archive"},
                                             {Expire::unset, ""}}};
};

template <>
struct Words<DefaultPartition> {
  static constexpr WordList<DefaultPartition, 3> list{{{DefaultPartition::drain, "drain"},
                                                       {DefaultPartition::adopt, "adopt"},
                                                       {DefaultPartition::report, "report"}}};
};

template <>
struct Words<DoneAction> {
  static constexpr WordList<DoneAction, 2> list{
      {{DoneAction::delete_rows, "delete"}, {DoneAction::archive, "archive"}}};
};

template <>
struct Words<DeadAction> {
  static constexpr WordList<DeadAction, 4> list{{{DeadAction::archive, "archive"},
                                                 {DeadAction::delete_rows, "delete"},
                                                 {DeadAction::requeue, "requeue"},
                                                 {DeadAction::report, "report"}}};
};

/// An enumeration that the file spells in words.
template <class Type>
concept Choice = requires {
  Words<Type>::list;
};

/// The word for it; "" for Expire::unset.
template <Choice Type>
[[nodiscard]] constexpr std::string_view word_for(Type choice) {
  for (const auto& [value, word] : Words<Type>::list) {
    if (value == choice) return word;
  }
  return "";
}

}  // namespace pgcaretaker::config
