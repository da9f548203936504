"""Words that name nothing by themselves: function words by language, and what captions say of any picture.

Belongs here: the lists. Does not belong here: what is done with them (names.py, context.py). A language without a list has
no stop words; English is always among them, because captions in other languages borrow from it.
"""

from __future__ import annotations

from collections.abc import Iterable

WORDS = {
    # what a caption says of the picture itself, and what pages put beside any picture
    "caption": "image images photo photos photograph photography picture pictures pic pics view close closeup click enlarge "
          "thumbnail stock file untitled copyright caption figure description available",
    "en": "a about above after again all also am an and any are as at be because been before being below between both but "
          "by can could did do does doing down during each few for from further had has have having he her here hers him "
          "his how i if in into is it its just me more most my no nor not now of off on once one only or other our out over "
          "own same she should so some such than that the their them then there these they this those through to too two "
          "under until up us very was we were what when where which while who whom why will with would you your yes",
    "de": "aber alle als also am an auch auf aus bei bin bis bist da damit dann das dass dein dem den der des dich die dies "
          "diese doch dort du durch ein eine einem einen einer eines er es euch euer für gegen hab haben hat hatte ich ihm "
          "ihn ihr im in ist ja kein mein mich mir mit nach nicht noch nun nur ob oder ohne sehr sein sich sie sind so über "
          "um und uns unser unter vom von vor war was wer wie wir zu zum zur",
    "fr": "à au aux avec ce ces cette dans de des du elle en est et eux il ils je la le les leur leurs lui ma mais me même "
          "mes moi mon ne nos notre nous on ou où par pas pour qu que qui sa sans se ses si son sont sous sur ta te tes toi "
          "ton tu un une vos votre vous y",
    "es": "a al ante bajo como con cual cuando de del desde donde el ella ellas ellos en entre era es esa ese eso esta este "
          "esto fue ha hay la las le les lo los me mi mis muy más ni no nos o os para pero por que quien se sin sobre son "
          "su sus también te tu tus un una uno y ya yo",
    "it": "a ad agli ai al alla alle allo anche che chi ci come con cui da dagli dai dal dalla dei del della delle dello di "
          "e è ed era fra gli ha ho i il in io la le lei li lo loro lui ma mi mio ne nei nel nella noi non o per più quella "
          "quello questa questo se si sono su sua sul sulla suo tra tu un una uno vi voi",
    "pt": "a ao aos as com como da das de dela dele do dos e é ela ele em entre era essa esse esta este eu foi há isso isto "
          "já lhe mais mas me meu minha muito na nas no nos não nós o os ou para pela pelo por qual que quem se sem ser seu "
          "sua são só também te um uma",
    "nl": "aan al als bij daar dan dat de den der deze die dit doch door dus een en er ge geen had heb hem het hier hij hoe "
          "hun ik in is je kan maar me men met mij na naar niet nog nu of om onder ons ook op over te tot u uit van veel "
          "voor want was wat we wel wie wij zal ze zich zij zijn zo zou",
}  # fmt: skip


def stop_words(languages: Iterable[str]) -> frozenset[str]:
    """Return the stop words of some languages (codes as Wikidata's; a region is left off) with English and the caption words."""
    codes = ("caption", "en", *(language.split("-")[0] for language in languages))
    return frozenset(word for code in codes for word in WORDS.get(code, "").split())
