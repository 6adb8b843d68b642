"""What customers write: subjects and texts by topic, in the language of their country."""

from __future__ import annotations

from random import Random

_ENGLISH: dict[str, tuple[tuple[str, str], ...]] = {
    "question": (
        ("Does the {product} fit a 12 cm deep shelf?", "Hello, before I order: how deep is the {product}, and can it be returned if it does not fit?"),
        ("Invoice address for a second office", "Hi, we would like to add another office to our account. What do you need from us?"),
        ("Is the {product} dimmable?", "The page does not say. Thanks in advance!"),
        ("Discount for twelve pieces?", "We furnish twelve home offices this quarter. Is there a better price for the {product}?"),
        ("Can I change the delivery address?", "I typed the old address in order {order}. Can you still change it?"),
    ),
    "delivery": (
        ("Where is my order {order}?", "It should have been here by now and the tracking page has not moved for days."),
        ("Only part of {order} arrived", "One box came, the {product} is missing. Is a second parcel on its way?"),
        ("Parcel {order} left with a neighbour nobody knows", "The driver's note names a person who does not live here."),
    ),
    "defect": (
        ("{product} flickers and gets hot", "After an hour of use the {product} from order {order} flickers and the clamp is too hot to touch."),
        ("{product} stopped working after three days", "Order {order}. It simply does not switch on any more."),
        ("Smell of burning from the {product}", "I unplugged it at once. Please tell me what to do with it."),
    ),
    "billing": (
        ("Charged twice for {order}", "My card shows the amount two times. Please refund one of them."),
        ("VAT number missing on the invoice for {order}", "Our accountants need a corrected invoice with our VAT number."),
        ("Refund for {order} not here yet", "You confirmed the return two weeks ago."),
    ),
    "return": (
        ("Return of the {product}", "I would like to send the {product} from order {order} back. How do I get a label?"),
        ("Wrong colour in {order}", "We ordered oak and got black. Please exchange."),
        ("Box of {order} was crushed", "The {product} inside is scratched, photos attached."),
    ),
}
_OTHERS: dict[str, dict[str, tuple[tuple[str, str], ...]]] = {
    "DE": {
        "question": (("Frage zur {product}", "Guten Tag, passt das auch an eine 4 cm starke Tischplatte? Viele Grüße"),),
        "delivery": (("Wo bleibt meine Bestellung {order}?", "Laut Sendungsverfolgung tut sich seit Tagen nichts."),),
        "defect": (("{product} wird heiß und flackert", "Die Leuchte aus Bestellung {order} flackert und riecht verschmort."),),
        "billing": (("Doppelte Abbuchung zu {order}", "Bitte erstatten Sie einen der beiden Beträge zurück."),),
        "return": (("Rücksendung {order}", "Ich möchte das Produkt zurückschicken, es fällt größer aus als gedacht."),),
    },
    "FR": {
        "question": (("Question sur {product}", "Bonjour, est-ce compatible avec un plateau en chêne de 5 cm ? Merci d'avance."),),
        "delivery": (("Où est ma commande {order} ?", "Toujours rien reçu, le suivi est bloqué."),),
        "defect": (("{product} défectueux", "L'appareil de la commande {order} clignote et chauffe énormément."),),
        "billing": (("Facture {order} erronée", "La TVA n'apparaît pas, pouvez-vous corriger ?"),),
        "return": (("Retour de {order}", "Le carton était abîmé à l'arrivée."),),
    },
    "CN": {
        "question": (("咨询:{product}", "你好,请问这个可以调光吗?什么时候有货?"),),
        "delivery": (("订单 {order} 还没收到", "物流信息已经五天没有更新了,请帮忙查一下。"),),
        "defect": (("{product} 发烫、闪烁", "订单 {order} 的台灯用了不到一小时就很烫,还有焦味。"),),
        "billing": (("{order} 重复扣款", "信用卡被扣了两次,请退回一笔。"),),
        "return": (("申请退货 {order}", "收到的颜色不对,想换货。"),),
    },
    "JP": {
        "question": (("{product}について", "購入前に教えてください。奥行きは何センチですか。"),),
        "delivery": (("注文 {order} が届きません", "追跡情報が更新されていません。ご確認をお願いします。"),),
        "defect": (("{product} が熱くなります", "注文 {order} の商品が点滅し、触れないほど熱くなります。"),),
        "billing": (("{order} の領収書", "宛名の訂正をお願いします。"),),
        "return": (("{order} の返品", "箱が潰れていました。交換できますか。"),),
    },
}
_OTHERS["TW"] = {
    topic: tuple((subject.replace("订单", "訂單").replace("还没", "還沒"), text) for subject, text in pairs) for topic, pairs in _OTHERS["CN"].items()
}

REPLIES = (
    "Thank you for writing. I have looked into it and here is what we can do.",
    "I am sorry for the trouble. A replacement is on its way.",
    "Could you send us a photo and the serial number, please?",
    "The parcel is moving again; you should have it within two days.",
    "The amount goes back to your card today.",
    "Yes, that works. Here are the details.",
)
NOTES = ("Asked the warehouse.", "Customer is known to us, be generous.", "Checked with finance.", "Same lot as the others.", "谢谢,仓库已确认。")


def wording(topic: str, country: str, product: str, order: str, random: Random) -> tuple[str, str]:
    """A subject and a text; seven in ten write in their own language where we have one."""
    own = _OTHERS.get(country)
    pairs = own[topic] if own and random.random() < 0.7 else _ENGLISH[topic]
    if not order:
        pairs = tuple(pair for pair in pairs if "{order}" not in "".join(pair)) or _ENGLISH["question"][:4]
    subject, text = random.choice(pairs)
    return subject.format(product=product, order=order), text.format(product=product, order=order)
