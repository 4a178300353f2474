"""Dates, times and intervals, in ISO style and in UTC.

Python's own dates end at the year 9999 and begin at 1: PostgreSQL's go from 4714 BC to 5874897.
"""

import re
import struct

from hoopaddon.adapters.postgres.values.types.scalar import INT32, INT64, Scalar, Unfit, matched, packed

_DAY_US = 86_400_000_000
_EPOCH = 730_425
"""2000-01-01 in days since 0000-03-01."""
_ERA_DAYS = 146_097
"""Four centuries of the Gregorian calendar."""
_FIRST_DAY = -2_451_545
"""4714-11-24 BC, the first day of the Julian day count."""
_DAY_AFTER_LAST = 2_147_483_494 - 2_451_545
_TIMESTAMP_DAY_AFTER_LAST = 109_203_528 - 2_451_545

_DATE = r"([0-9]{4,7})-([0-9]{2})-([0-9]{2})"
_TIME = r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?"
_ZONE = r"([+-])([0-9]{2})(?::([0-9]{2}))?(?::([0-9]{2}))?"
_DATE_TEXT = re.compile(rf"{_DATE}( BC)?")
_TIME_TEXT = re.compile(_TIME)
_TIMETZ_TEXT = re.compile(_TIME + _ZONE)
_TIMESTAMP_TEXT = re.compile(rf"{_DATE} {_TIME}( BC)?")
_TIMESTAMPTZ_TEXT = re.compile(rf"{_DATE} {_TIME}{_ZONE}( BC)?")
_DAYS_IN_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _day_text(day: int) -> tuple[str, str]:
    """The date of a day counted from 2000-01-01, and the era's suffix."""
    # Years are counted from March here, so that a leap day is the last of its year.
    era, rest = divmod(day + _EPOCH, _ERA_DAYS)
    of_era = (rest - rest // 1460 + rest // 36_524 - rest // 146_096) // 365
    of_year = rest - (365 * of_era + of_era // 4 - of_era // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = of_era + era * 400 + (month <= 2)
    suffix, year = (" BC", 1 - year) if year <= 0 else ("", year)
    return f"{year:04d}-{month:02d}-{of_year - (153 * shifted + 2) // 5 + 1:02d}", suffix


def _day(year: str, month: str, day: str, before: str) -> int:
    """The day counted from 2000-01-01."""
    y, m, d = int(year), int(month), int(day)
    if not y or not 1 <= m <= 12 or not 1 <= d <= _DAYS_IN_MONTH[m - 1]:
        raise Unfit
    if before:
        y = 1 - y
    if m == 2 and d == 29 and not (y % 4 == 0 and (y % 100 != 0 or y % 400 == 0)):
        raise Unfit
    if m <= 2:
        y -= 1
    era, of_era = divmod(y, 400)
    of_year = (153 * (m - 3 if m > 2 else m + 9) + 2) // 5 + d - 1
    return era * _ERA_DAYS + of_era * 365 + of_era // 4 - of_era // 100 + of_year - _EPOCH


def _time_text(microseconds: int) -> str:
    seconds, fraction = divmod(microseconds, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    tail = f".{fraction:06d}".rstrip("0") if fraction else ""
    return f"{hour:02d}:{minute:02d}:{second:02d}{tail}"


def _microseconds(hour: str, minute: str, second: str, fraction: str) -> int:
    if int(minute) > 59 or int(second) > 59:
        raise Unfit
    us = ((int(hour) * 60 + int(minute)) * 60 + int(second)) * 1_000_000 + int(fraction.ljust(6, "0") or "0")
    if us > _DAY_US:
        raise Unfit
    return us


def _zone_text(seconds_east: int) -> str:
    minutes, second = divmod(abs(seconds_east), 60)
    hour, minute = divmod(minutes, 60)
    text = f"{'-' if seconds_east < 0 else '+'}{hour:02d}"
    return f"{text}:{minute:02d}:{second:02d}" if second else f"{text}:{minute:02d}" if minute else text


def _seconds_east(sign: str, hour: str, minute: str, second: str) -> int:
    if int(hour) > 15 or int(minute or 0) > 59 or int(second or 0) > 59:
        raise Unfit
    seconds = (int(hour) * 60 + int(minute or 0)) * 60 + int(second or 0)
    return -seconds if sign == "-" else seconds


# -- date: int32 days since 2000-01-01; the ends of its range are the infinities

_INFINITE_DAYS = {2**31 - 1: "infinity", -(2**31): "-infinity"}
_INFINITE_US = {2**63 - 1: "infinity", -(2**63): "-infinity"}


def _decode_date(data: bytes) -> str:
    (day,) = INT32.unpack(data)
    if day in _INFINITE_DAYS:
        return _INFINITE_DAYS[day]
    if not _FIRST_DAY <= day < _DAY_AFTER_LAST:
        raise ValueError
    return "".join(_day_text(day))


def _encode_date(text: str) -> bytes:
    for day, name in _INFINITE_DAYS.items():
        if text == name:
            return INT32.pack(day)
    year, month, of_month, before = matched(_DATE_TEXT, text).groups("")
    day = _day(year, month, of_month, before)
    if not _FIRST_DAY <= day < _DAY_AFTER_LAST:
        raise Unfit
    return INT32.pack(day)


# -- time, timetz: int64 microseconds, then for timetz int32 seconds west of UTC

_TIMETZ = struct.Struct(">qi")
_MAX_ZONE = 16 * 3600


def _decode_time(data: bytes) -> str:
    (us,) = INT64.unpack(data)
    if not 0 <= us <= _DAY_US:
        raise ValueError
    return _time_text(us)


def _decode_timetz(data: bytes) -> str:
    us, west = _TIMETZ.unpack(data)
    if not 0 <= us <= _DAY_US or abs(west) >= _MAX_ZONE:
        raise ValueError
    return _time_text(us) + _zone_text(-west)


def _encode_time(text: str) -> bytes:
    return INT64.pack(_microseconds(*matched(_TIME_TEXT, text).groups("")))


def _encode_timetz(text: str) -> bytes:
    parts = matched(_TIMETZ_TEXT, text).groups("")
    return _TIMETZ.pack(_microseconds(*parts[:4]), -_seconds_east(*parts[4:]))


# -- timestamp, timestamptz: int64 microseconds since 2000-01-01, of UTC with a zone


def _decode_timestamp(data: bytes, zone: str = "") -> str:
    (us,) = INT64.unpack(data)
    if us in _INFINITE_US:
        return _INFINITE_US[us]
    day, time = divmod(us, _DAY_US)
    if not _FIRST_DAY <= day < _TIMESTAMP_DAY_AFTER_LAST:
        raise ValueError
    date, suffix = _day_text(day)
    return f"{date} {_time_text(time)}{zone}{suffix}"


def _encode_timestamp(text: str, pattern: re.Pattern[str] = _TIMESTAMP_TEXT) -> bytes:
    for us, name in _INFINITE_US.items():
        if text == name:
            return INT64.pack(us)
    parts = matched(pattern, text).groups("")
    day = _day(parts[0], parts[1], parts[2], parts[-1])
    east = _seconds_east(*parts[7:11]) if pattern is _TIMESTAMPTZ_TEXT else 0
    us = day * _DAY_US + _microseconds(*parts[3:7]) - east * 1_000_000
    if not _FIRST_DAY * _DAY_US <= us < _TIMESTAMP_DAY_AFTER_LAST * _DAY_US:
        raise Unfit
    return INT64.pack(us)


# -- interval: int64 microseconds, int32 days, int32 months; shown in the `postgres` style

_INTERVAL = struct.Struct(">qii")
_INFINITE_INTERVALS = {
    (2**63 - 1, 2**31 - 1, 2**31 - 1): "infinity",
    (-(2**63), -(2**31), -(2**31)): "-infinity",
}
_INTERVAL_TEXT = re.compile(
    r"(?:([+-]?[0-9]{1,9}) years? ?)?(?:([+-]?[0-9]{1,10}) mons? ?)?(?:([+-]?[0-9]{1,10}) days? ?)?"
    r"(?:([+-]?)([0-9]{2,10}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?)?"
)


def _truncated(value: int, by: int) -> tuple[int, int]:
    """Division towards zero, as in C."""
    whole, rest = divmod(abs(value), by)
    return (-whole, -rest) if value < 0 else (whole, rest)


def _decode_interval(data: bytes) -> str:
    us, days, months = _INTERVAL.unpack(data)
    if named := _INFINITE_INTERVALS.get((us, days, months)):
        return named
    years, months = _truncated(months, 12)
    parts, negative = [], False
    for value, unit in ((years, "year"), (months, "mon"), (days, "day")):
        if value:
            # A positive part after a negative one says so.
            plus = "+" if negative and value > 0 else ""
            parts.append(f"{plus}{value} {unit}{'' if value == 1 else 's'}")
            negative = value < 0
    if us or not parts:
        parts.append(("-" if us < 0 else "+" if negative else "") + _time_text(abs(us)))
    return " ".join(parts)


def _encode_interval(text: str) -> bytes:
    for parts, name in _INFINITE_INTERVALS.items():
        if text == name:
            return _INTERVAL.pack(*parts)
    if not text or text.endswith(" "):
        raise Unfit
    years, months, days, sign, hour, minute, second, fraction = matched(_INTERVAL_TEXT, text).groups("")
    us = 0
    if hour:
        if int(minute) > 59 or int(second) > 59:
            raise Unfit
        us = ((int(hour) * 60 + int(minute)) * 60 + int(second)) * 1_000_000 + int(fraction.ljust(6, "0") or "0")
    return packed(_INTERVAL, -us if sign == "-" else us, int(days or 0), int(years or 0) * 12 + int(months or 0))


DATETIMES = {
    "date": Scalar(_decode_date, _encode_date),
    "time": Scalar(_decode_time, _encode_time),
    "timetz": Scalar(_decode_timetz, _encode_timetz),
    "timestamp": Scalar(_decode_timestamp, _encode_timestamp),
    "timestamptz": Scalar(
        lambda data: _decode_timestamp(data, "+00"), lambda text: _encode_timestamp(text, _TIMESTAMPTZ_TEXT)
    ),
    "interval": Scalar(_decode_interval, _encode_interval),
}
