"""What customers write: subjects and texts by topic, in the language of their country."""

from __future__ import annotations

from random import Random

_ENGLISH: dict[str, tuple[tuple[str, str], ...]] = {
    "question": (
        ("Does the {product} fit a 12 cm deep shelf?", "Hello, before I order: how deep is the {product}, and can it be returned if it does not fit?"),
        ("Invoice address for a second office", "Hi, we would like to add another office to our account. What do you need from us?"),
        ("How is the {product} packed?", "We try to avoid plastic. The page does not say. Thanks in advance!"),
        ("Discount for twelve pieces?", "We furnish twelve home offices this quarter. Is there a better price for the {product}?"),
        ("Can I change the delivery address?", "I typed the old address in order {order}. Can you still change it?"),
    ),
    "delivery": (
        ("Where is my order {order}?", "It should have been here by now and the tracking page has not moved for days."),
        ("Only part of {order} arrived", "One box came, the {product} is missing. Is a second parcel on its way?"),
        ("Parcel {order} left with a neighbour nobody knows", "The driver's note names a person who does not live here."),
    ),
    "defect": (
        ("{product} broke after three days", "Order {order}. We used it as intended. What now?"),
        ("Faulty {product} in {order}", "Something inside came loose. Please replace it."),
    ),
    "overheating": (
        ("{product} flickers and gets hot", "After an hour of use the {product} from order {order} flickers and is too hot to touch."),
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
        "question": (("Frage zum Produkt „{product}“", "Guten Tag, passt das auch an eine 4 cm starke Tischplatte? Viele Grüße"),),
        "delivery": (("Wo bleibt meine Bestellung {order}?", "Laut Sendungsverfolgung tut sich seit Tagen nichts."),),
        "defect": (("„{product}“ ist defekt", "Aus Bestellung {order}, nach drei Tagen kaputtgegangen. Bitte um Ersatz."),),
        "overheating": (("{product} wird heiß und flackert", "Die Leuchte aus Bestellung {order} flackert und riecht verschmort."),),
        "billing": (("Doppelte Abbuchung zu {order}", "Bitte erstatten Sie einen der beiden Beträge zurück."),),
        "return": (("Rücksendung {order}", "Ich möchte das Produkt zurückschicken, es fällt größer aus als gedacht."),),
    },
    "FR": {
        "question": (("Question sur « {product} »", "Bonjour, est-ce compatible avec un plateau en chêne de 5 cm ? Merci d'avance."),),
        "delivery": (("Où est ma commande {order} ?", "Toujours rien reçu, le suivi est bloqué."),),
        "defect": (("{product} défectueux", "L'article de la commande {order} s'est cassé au bout de trois jours."),),
        "overheating": (("{product} clignote et chauffe", "La lampe de la commande {order} clignote et chauffe énormément."),),
        "billing": (("Facture {order} erronée", "La TVA n'apparaît pas, pouvez-vous corriger ?"),),
        "return": (("Retour de {order}", "Le carton était abîmé à l'arrivée."),),
    },
    "CN": {
        "question": (("咨询:{product}", "你好,请问桌板厚度四厘米能用吗?什么时候有货?"),),
        "delivery": (("订单 {order} 还没收到", "物流信息已经五天没有更新了,请帮忙查一下。"),),
        "defect": (("{product} 坏了", "订单 {order} 的商品用了三天就坏了,请换货。"),),
        "overheating": (("{product} 发烫、闪烁", "订单 {order} 的台灯用了不到一小时就很烫,还有焦味。"),),
        "billing": (("{order} 重复扣款", "信用卡被扣了两次,请退回一笔。"),),
        "return": (("申请退货 {order}", "收到的颜色不对,想换货。"),),
    },
    "TW": {
        "question": (("詢問:{product}", "您好,請問桌板厚度四公分可以用嗎?什麼時候有貨?"),),
        "delivery": (("訂單 {order} 還沒收到", "物流資訊已經五天沒有更新了,請幫忙查一下。"),),
        "defect": (("{product} 壞了", "訂單 {order} 的商品用了三天就壞了,想換貨。"),),
        "overheating": (("{product} 發燙、閃爍", "訂單 {order} 的檯燈用了不到一小時就很燙,還有焦味。"),),
        "billing": (("{order} 重複扣款", "信用卡被扣了兩次,請退回一筆。"),),
        "return": (("申請退貨 {order}", "收到的顏色不對,想換貨。"),),
    },
    "JP": {
        "question": (("{product}について", "購入前に教えてください。奥行きは何センチですか。"),),
        "delivery": (("注文 {order} が届きません", "追跡情報が更新されていません。ご確認をお願いします。"),),
        "defect": (("{product} が壊れました", "注文 {order} の商品が三日で壊れました。交換をお願いします。"),),
        "overheating": (("{product} が熱くなります", "注文 {order} の商品が点滅し、触れないほど熱くなります。"),),
        "billing": (("{order} の領収書", "宛名の訂正をお願いします。"),),
        "return": (("{order} の返品", "箱が潰れていました。交換できますか。"),),
    },
}

REPLIES = {
    "question": (
        "Yes, that works. Here are the details.",
        "Thank you for asking. The measures are on the data sheet that I attach.",
        "We have set that up for you.",
    ),
    "delivery": (
        "The parcel is moving again; you should have it within two days.",
        "The second parcel left this morning.",
        "I have opened an enquiry with the carrier and will come back to you.",
    ),
    "defect": ("I am sorry. Please stop using it; a replacement is on its way.", "That should not happen. Here is a return label, the new one ships today."),
    "billing": ("The amount goes back to your card today.", "Here is the corrected invoice.", "Finance has confirmed the refund; banks take up to three days."),
    "return": ("Here is your return label.", "I am sorry for the trouble. A replacement is on its way.", "No need to send it back; we refund the amount."),
}
QUESTIONS_BACK = ("Could you send us a photo and the serial number, please?", "Which address shall we use?", "Could you tell us the number on the box label?")
NOTES = ("Asked the warehouse.", "Customer is known to us, be generous.", "Checked with finance.", "Same lot as the others.", "谢谢,仓库已确认。")


def wording(topic: str, country: str, product: str, order: str, random: Random) -> tuple[str, str]:
    """A subject and a text; seven in ten write in their own language where we have one."""
    own = _OTHERS.get(country)
    pairs = own[topic] if own and random.random() < 0.7 else _ENGLISH[topic]
    if not order:
        pairs = tuple(pair for pair in pairs if "{order}" not in "".join(pair))
    subject, text = random.choice(pairs)
    return subject.format(product=product, order=order), text.format(product=product, order=order)
