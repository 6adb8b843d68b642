"""Names of people and firms by country: as they are written there, and in plain letters for the address."""

from __future__ import annotations

from random import Random

# country -> (first names, last names); a name with a slash is "written/plain letters".
_NAMES: dict[str, tuple[str, str]] = {
    "DE": (
        "Jürgen/juergen Anna Lena Björn/bjoern Käthe/kaethe Max Sophie Tobias Greta Moritz",
        "Müller/mueller Schröder/schroeder Weiß/weiss Koch Becker Jäger/jaeger Vogt Hahn",
    ),
    "FR": ("Zoé/zoe Élodie/elodie Luc Chloé/chloe Hugo Inès/ines Théo/theo Camille", "Lefèvre/lefevre Moreau Béranger/beranger Girard Dubois Noël/noel Roux"),
    "NL": ("Sanne Daan Femke Joost Maartje Bram", "Jansen Visser Bakker Mulder Smit Kuiper"),
    "IT": ("Giulia Niccolò/niccolo Chiara Matteo Elisa Davide", "Rossi Bianchi Ferrari Esposito Conti D'Angelo/dangelo"),
    "ES": ("Lucía/lucia José/jose María/maria Álvaro/alvaro Inés/ines Pablo", "García/garcia Muñoz/munoz Pérez/perez Ibáñez/ibanez Romero Vega"),
    "SE": ("Åsa/asa Björn/bjorn Linnea Elsa Göran/goran Nils", "Lindström/lindstrom Nyström/nystrom Öberg/oberg Dahl Ekman"),
    "PL": ("Łukasz/lukasz Agnieszka Zofia Paweł/pawel Małgorzata/malgorzata Jan", "Wójcik/wojcik Kowalczyk Zając/zajac Nowak Szymański/szymanski"),
    "GB": ("Olivia Harry Priya George Amelia Siân/sian Callum Aisha", "Smith Patel Hughes O'Brien/obrien Taylor Khan Evans Clarke"),
    "CZ": ("Jiří/jiri Tereza Ondřej/ondrej Markéta/marketa", "Novák/novak Dvořák/dvorak Černý/cerny Svoboda"),
    "US": ("Emily Michael Jasmine Carlos Ashley Tyler Mei Jordan Hannah Marcus", "Johnson Williams Nguyen Garcia Miller Davis Lopez Chen Brooks Carter"),
    "CA": ("Liam Noémie/noemie Olivier Ava Étienne/etienne Harpreet", "Tremblay Singh MacDonald Gagné/gagne Roy Wilson"),
    "MX": ("Sofía/sofia Diego Ximena Jesús/jesus Valeria Andrés/andres", "Hernández/hernandez Núñez/nunez López/lopez Ramírez/ramirez Cruz"),
    "BR": ("João/joao Beatriz Thiago Conceição/conceicao Larissa Luís/luis", "Silva Gonçalves/goncalves Araújo/araujo Souza Pinto"),
    "CN": (
        "伟/wei 芳/fang 娜/na 磊/lei 静/jing 洋/yang 雪梅/xuemei 志强/zhiqiang 子涵/zihan",
        "王/wang 李/li 张/zhang 刘/liu 陈/chen 杨/yang 赵/zhao 欧阳/ouyang",
    ),
    "TW": ("雅婷/yating 家豪/jiahao 淑芬/shufen 志明/zhiming 怡君/yijun", "陳/chen 林/lin 黃/huang 張/chang 吳/wu"),
    "HK": ("嘉欣/kayan 俊傑/chunkit 詠詩/wingsze 志偉/chiwai", "陳/chan 黃/wong 李/lee 何/ho"),
    "SG": ("Wei-Ling/weiling Aravind Nurul Jun-Jie/junjie Siti Rachel", "Tan Lim Ng Rajan Ismail Goh"),
    "JP": ("陽菜/hina 翔太/shota 美咲/misaki 健一/kenichi さくら/sakura 大輔/daisuke", "佐藤/sato 鈴木/suzuki 高橋/takahashi 渡辺/watanabe 伊藤/ito"),
    "KR": ("서연/seoyeon 민준/minjun 지우/jiwoo 하은/haeun", "김/kim 이/lee 박/park 최/choi"),
    "AU": ("Jack Charlotte Lachlan Matilda Ngaire Cooper", "Wilson Kelly Nguyen Campbell Ryan Hall"),
    "NZ": ("Aroha Tāne/tane Ruby Liam Mereana Finn", "Walker Ngata Māhuta/mahuta Campbell Young Harris"),
}
_FAMILY_FIRST = {"CN", "TW", "HK", "JP", "KR"}
_MAIL_HOSTS = ("mail.example", "post.example", "inbox.example", "example.org", "example.net")

_FIRM_WORDS = ("Atelier", "Studio", "Cowork", "Kontor", "Werkraum", "Nest", "Harbour", "Meridien", "Polder", "Fjord", "Alba", "Nova", "Terra", "Signal", "Kite")
_FIRM_TRADES = ("Design", "Legal", "Software", "Translations", "Architects", "Media", "Consulting", "Analytics", "Language School", "Labs")
_FIRM_CJK = ("晨光", "远景", "青山", "海纳", "云途", "松石")
_FIRM_FORMS = {
    "DE": "GmbH",
    "FR": "SARL",
    "NL": "B.V.",
    "IT": "S.r.l.",
    "ES": "S.L.",
    "SE": "AB",
    "PL": "Sp. z o.o.",
    "GB": "Ltd",
    "CZ": "s.r.o.",
    "US": "LLC",
    "CA": "Inc.",
    "MX": "S.A. de C.V.",
    "BR": "Ltda.",
    "SG": "Pte. Ltd.",
    "AU": "Pty Ltd",
    "NZ": "Ltd",
    "HK": "有限公司",
    "CN": "科技有限公司",
    "TW": "股份有限公司",
    "JP": "株式会社",
    "KR": "주식회사",
}


def _pick(names: str, random: Random) -> tuple[str, str]:
    written, _, plain = random.choice(names.split()).partition("/")
    return written, plain or written.lower()


def person(country: str, random: Random) -> tuple[str, str]:
    """A name as written in its country, and "first.last" in plain letters."""
    firsts, lasts = _NAMES[country]
    first, plain_first = _pick(firsts, random)
    last, plain_last = _pick(lasts, random)
    written = f"{last}{first}" if country in _FAMILY_FIRST else f"{first} {last}"
    return written, f"{plain_first}.{plain_last}".replace("-", "")


def firm(country: str, random: Random) -> tuple[str, str]:
    """A firm's name with its legal form, and a plain word for its mail domain."""
    trade = random.choice(_FIRM_TRADES)
    form = _FIRM_FORMS[country]
    if country in ("CN", "TW", "HK", "JP"):
        word = random.choice(_FIRM_CJK)
        return (f"{form}{word}" if country == "JP" else f"{word}{form}"), f"{trade.split()[0].lower()}-{country.lower()}"
    word = random.choice(_FIRM_WORDS)
    return f"{word} {random.choice(_NAMES[country][1].split()).partition('/')[0]} {trade} {form}", f"{word.lower()}-{trade.split()[0].lower()}"


def mail_host(random: Random) -> str:
    return random.choice(_MAIL_HOSTS)
