"""Identity numbers that states give to people.

What has only one check digit fires on every tenth arbitrary number, so such a number counts only as it is
written out, with its separators. Without separators count those whose letters, dates or several check digits
leave less than one arbitrary number in a thousand.
"""

from types import ModuleType

from stdnum.be import nn
from stdnum.br import cpf
from stdnum.ca import sin
from stdnum.ch import ssn as ahv
from stdnum.cl import rut
from stdnum.cn import ric
from stdnum.cz import rc
from stdnum.de import idnr
from stdnum.es import nif
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.in_ import aadhaar, pan
from stdnum.it import codicefiscale
from stdnum.kr import rrn
from stdnum.mx import curp
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.se import personnummer
from stdnum.us import itin, ssn

from hoopaddon.detect.detector import GAP, GROUPS_END, GROUPS_START, Check, Detector, shaped, without_gaps

_G = GAP
_MONTH = "(?:0[1-9]|1[0-2])"
_DAY = "(?:0[1-9]|[12][0-9]|3[01])"


def _valid(*modules: ModuleType, compact: bool = True) -> Check:
    def check(text: str) -> bool:
        number = without_gaps(text) if compact else text
        return any(module.is_valid(number) for module in modules)

    return check


def _ssn_or_itin(text: str) -> bool:
    digits = without_gaps(text)
    written = f"{digits[:3]}-{digits[3:5]}-{digits[5:]}"
    return bool(ssn.is_valid(written) or itin.is_valid(written))


def _id(entity: str, shape: str, outlines: str, check: Check | None) -> Detector:
    return shaped(
        entity,
        shape,
        # Both edges leave decimals alone, and the groups of a UUID.
        start=GROUPS_START,
        end=GROUPS_END,
        outlines=outlines,
        check=check,
        rank=1,
    )


NATIONAL_IDS = (
    _id("ssn", f"[0-9]{{3}}{_G}[0-9]{{2}}{_G}[0-9]{{4}}", "000_00_0000", _ssn_or_itin),
    _id("be_nn", rf"[0-9]{{2}}\.{_MONTH}\.{_DAY}[ \-][0-9]{{3}}[ .][0-9]{{2}}", "00.00.00-000", _valid(nn)),
    _id("br_cpf", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", "000.000.000-00", _valid(cpf)),
    _id("ca_sin", "[1-9][0-9]{2}[ -][0-9]{3}[ -][0-9]{3}", "000-000-000", _valid(sin)),
    _id("ch_ahv", r"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}", "000.0000.0000.00", _valid(ahv)),
    _id("ch_ahv", "756[0-9]{10}", "", _valid(ahv)),
    _id("cl_rut", r"[0-9]{1,2}\.[0-9]{3}\.[0-9]{3}-[0-9Kk]", "0.000.000-", _valid(rut)),
    _id(
        "cn_ric",
        f"[1-8][0-9]{{5}}(?:19|20)[0-9]{{2}}{_MONTH}{_DAY}[0-9]{{3}}[0-9Xx]",
        "00000000000000000",
        _valid(ric),
    ),
    _id("cz_rc", "[0-9]{6}/[0-9]{4}", "000000-0000", _valid(rc)),
    _id("de_idnr", f"[1-9][0-9]{_G}[0-9]{{3}}{_G}[0-9]{{3}}{_G}[0-9]{{3}}", "00_000_000_000", _valid(idnr)),
    _id(
        "es_nif",
        "(?:[0-9]{8}|[XYZKLM][0-9]{7})-?[A-Z]",
        "00000000A 00000000-A A0000000A A0000000-A",
        _valid(nif),
    ),
    _id(
        "fi_hetu",
        f"{_DAY}{_MONTH}[0-9]{{2}}[-A-FU-Y][0-9]{{3}}[0-9A-Y]",
        "000000-000 000000A000",
        _valid(hetu, compact=False),
    ),
    _id(
        "fr_nir",
        f"[12][0-9]{{2}}{_MONTH}(?:[0-9]{{2}}|2[AB])[0-9]{{6}}{_G}?[0-9]{{2}}"
        f"|[12]{_G}[0-9]{{2}}{_G}{_MONTH}{_G}(?:[0-9]{{2}}|2[AB]){_G}[0-9]{{3}}{_G}[0-9]{{3}}{_G}[0-9]{{2}}",
        "0000000000000_00 000000000000000 000000A000000 00_000_000_00 0A_000_000_00",
        _valid(nir),
    ),
    _id("gb_nhs", "[0-9]{3} [0-9]{3} [0-9]{4}", "000-000-0000", _valid(nhs)),
    # The one without a check digit: its letters are restricted enough.
    _id(
        "gb_nino",
        "[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?:[0-9]{6}| [0-9]{2} [0-9]{2} [0-9]{2} )[A-D]",
        "AA000000A AA-00-00-00-A",
        None,
    ),
    _id("in_aadhaar", f"[2-9][0-9]{{3}}{_G}[0-9]{{4}}{_G}[0-9]{{4}}", "0000_0000_0000", _valid(aadhaar)),
    _id("in_pan", "[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z]", "AAAAA0000A", _valid(pan)),
    _id(
        "it_cf",
        "[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]",
        "AAAAAA00A00A000A",
        _valid(codicefiscale),
    ),
    _id("kr_rrn", f"[0-9]{{2}}{_MONTH}{_DAY}-[0-9]{{7}}", "000000-0000000", _valid(rrn)),
    _id(
        "mx_curp",
        f"[A-Z]{{4}}[0-9]{{2}}{_MONTH}{_DAY}[HM][A-Z]{{5}}[0-9A-Z][0-9]",
        "AAAA000000AAAAAA",
        _valid(curp),
    ),
    _id("nl_bsn", r"[0-9]{4}\.[0-9]{2}\.[0-9]{3}", "0000.00.000", _valid(bsn)),
    _id("no_fnr", "[0-7][0-9]{5} [0-9]{5}", "000000-00000", _valid(fodselsnummer)),
    _id(
        "se_pnr",
        f"(?:19|20)?[0-9]{{2}}{_MONTH}[0-9]{{2}}-[0-9]{{4}}",
        "000000-0000",
        _valid(personnummer, compact=False),
    ),
)
