"""English function words, which a good caption may use twice."""

_WORDS = """
    a an the this that these those some any each every both all another other others such no more most few many much
    several either neither
    and or but nor so yet as while when whenever whilst until till before after since because if though although than
    then whereas
    in on at by of to from with without for into onto out over under up down off through throughout across along around
    about above below behind beside between among against near past toward towards upon within during amid inside
    outside like via
    it its itself they them their theirs themselves he him his himself she her hers herself we us our ours i me my you
    your yours one ones who whom whose which what where there here someone something
    is are was were be been being am has have had having do does did doing can could will would shall should may might
    must
    not very too also just only again once how
"""

FUNCTION_WORDS = frozenset(_WORDS.split())
