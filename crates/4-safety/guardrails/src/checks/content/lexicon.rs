//! Words of the content filter, as data. They are here because a filter has to know what it filters; slurs are kept to
//! those that are common and hardly ever said without harm.

/// What a word speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Slur,
    MildSlur,
    Dehumanise,
    Insult,
    Profanity,
    Harm,
    Gore,
    SelfHarm,
    SelfHarmIntent,
    /// A threat to whoever reads it, whole, in a language that the model hardly knows.
    Threat,
    Sexual,
    MildSexual,
    Illicit,
    IllicitViolent,
    // Context
    Person,
    Group,
    Intent,
    HowTo,
    Help,
    Minor,
}
use Class::*;

pub const LEXICON: &[(Class, &str)] = &[
    (
        Slur,
        "nigger*|nigga*|niglet*|faggot*|fag|fags|kike|kikes|spic|spics|chink|chinks|gook|gooks|wetback*|beaner*|coon|coons|tranny|trannies|raghead*|towelhead*|sandnigger*|porch monkey*|jigaboo*|wigger*|muzzie*|kaffir*|untermensch*|subhuman*|neger|kanake*|negro de mierda|sudaca*|maricón|sale arabe|bougnoule*|жид|жиды|пидор*|хач*",
    ),
    (
        MildSlur,
        "dyke|dykes|retard|retards|retarded|tard|libtard*|white trash|redneck*|hillbill*|cracker|crackers|honky|queers|queer|homo|homos|gypsies|negro|negroes|mongoloid|spastic|ghetto trash|trailer trash|coloreds|jihadi|terrorist scum|ching chong|dot head|uncle tom|paki|pakis|mick|oriental",
    ),
    (
        Dehumanise,
        "vermin|parasites|cockroach*|filth|animals|savages|apes|monkeys|inferior|scum|disease|plague|rats|should be exterminated|should be eradicated|should all die|don't deserve to live|do not deserve|are all criminals|are rapists|are all rapists|go back to|deport them all|are ruining|dirty|stupid|disgusting|are evil|hate",
    ),
    (
        Insult,
        "idiot*|moron*|imbecile*|stupid bitch|dumb bitch|bitch|bitches|bitchass|whore*|slut|sluts|hoe|hoes|cunt*|asshole*|ass hole|dumbass*|dumb ass|jackass*|bastard*|prick|dickhead*|dick head|scumbag*|douche*|douchebag*|loser|losers|pathetic|worthless|ugly ass|fat ass|twat*|wanker*|motherfucker*|mutha*|fucktard*|fuckwit*|piece of shit|piece of crap|kill yourself|kys|shut the fuck up|stfu|go to hell|fuck you|fuck off|fuck u|screw you|eat shit|suck my|pussy|pussies|thot|thots|skank*|tramp|trash|trick ass|punk ass|bitchy|simpleton*|cretin*|arschloch*|hurensohn*|wichser*|fotze*|schlampe*|connard*|salope*|pute|enculé*|puta|putas|pendejo*|cabrón|gilipollas|hijo de puta|filho da puta|stronzo|stronza|troia|puttana|сука|суки|мудак*|тварь|ублюдок|傻逼|婊子|死ね|병신|씨발|رقاصة|شرموطة|चूतिया|मादरचोद",
    ),
    (
        Profanity,
        "fuck*|fuckin|fucking|shit|shitty|bullshit|damn|goddamn|crap|ass|arse|bollocks|piss off|pissed|dick|cock|wtf|merde|scheiße|scheisse|mierda|cazzo|блять|хуй*",
    ),
    (
        Harm,
        "kill|killing|murder*|stab|stabbing|shoot|shooting|strangle*|behead*|slaughter*|beat|beating|rape|raping|hang|lynch*|burn|bomb|execute|exterminate*|hurt|attack|destroy|choke|punch|torture*|assassinate*|massacre*|smash|gas|töten|umbringen|tuer|matar|uccidere|убить|убью|杀|殺|죽여",
    ),
    (
        Gore,
        "dismember*|disembowel*|eviscerat*|decapitat*|severed head|severed limb*|guts spill*|entrails|intestines|mutilat*|blood splatter*|blood gush*|pool of blood|brains splatter*|skinned alive|flayed|gouge* out|torn apart|bone* protrud*|ripped open|blood spray*|bleeding out|corpse*|gore|gory|splattered",
    ),
    (
        SelfHarm,
        "suicide|suicidal|self-harm|self harm|cutting myself|cut myself|cut my wrists|cutting my wrists|slit my wrists|hurt myself|harm myself|anorexi*|pro-ana|thinspo|overdose|selbstmord|suizid|ritzen|suicidio|suicídio|se suicider|самоубийств*|自杀|自殺|자살|आत्महत्या|انتحار",
    ),
    (
        Threat,
        "ich bring dich um|ich bringe dich um|ich mach dich kalt|ich töte dich|ich werde dich töten|ich stech dich ab|te voy a matar|voy a matarte|te mataré|je vais te tuer|je vais te crever|je te tuerai|je vais te buter|vou te matar|vou matar você|eu te mato|ti ammazzo|ti ammazzerò|ti uccido|ti ucciderò|я тебя убью|убью тебя|сдохни|我要杀了你|我会杀了你|殺してやる|ぶっ殺す|죽여버리겠*|죽여 버리겠*|죽여버릴*|मार डालूंगा|मार डालूँगा|जान से मार|سأقتلك",
    ),
    (
        SelfHarmIntent,
        "kill myself|killing myself|end my life|ending my life|end it all|want to die|wanna die|wish i was dead|wish i were dead|better off dead|take my own life|taking my own life|don't want to live|do not want to live|no reason to live|going to jump off|mich umbringen|me suicider|quiero morir|suicidarme|me matar|voglio morire|убить себя|хочу умереть|想死|不想活|死にたい|죽고 싶",
    ),
    (
        Sexual,
        "blowjob*|blow job*|handjob*|cumshot*|cum inside|cumming|creampie*|deepthroat*|anal sex|gangbang*|porn|porno|pornography|pornographic|masturbat*|orgasm*|erect cock|hard cock|his cock|my cock|her pussy|my pussy|wet pussy|his dick|your dick|nipples|clit|clitoris|vagina|penis|dildo*|hentai|milf*|threesome*|erotic*|horny|naked body|nude|nudes|fucked her|fuck me|fucks her|fucked me|sexually|sexual intercourse|have sex|having sex|had sex|make love|thrust*|ejaculat*|moaned|moaning|fetish|bdsm|strip naked|undress*|lick her|suck his|sucking his|ride his|rape fantasy|bondage|incest*|sodomy|fellatio|cunnilingus",
    ),
    (
        MildSexual,
        "sex|sexy|sexual|breasts|tits|boobs|titties|thighs|lingerie|seduce*|aroused|naked|kiss|panties|groin|lust|virgin|butt",
    ),
    (
        Illicit,
        "hotwire a car|steal a car|shoplift*|steal|pick a lock|launder money|money laundering|counterfeit*|fake id|fake passport|forge a|credit card fraud|carding|phishing|hack into|malware|ransomware|keylogger|ddos|cook meth|make meth|methamphetamine|synthesize*|cocaine|heroin|fentanyl|lsd|buy drugs|sell drugs|smuggle*|evade taxes|insider trading|blackmail|bribe|identity theft|stolen credit|crack a password|spyware|drug test|poach",
    ),
    (
        IllicitViolent,
        "bomb|pipe bomb|explosive*|molotov|napalm|nerve agent|sarin|ricin|anthrax|chemical weapon*|biological weapon*|silencer|ghost gun|untraceable gun|hitman|hire a killer|poison someone|mass shooting|kidnap|dirty bomb|thermite|assassinate|get away with murder|dispose of a body|hide a body",
    ),
    (
        Person,
        "you|your|you're|ur|u|yo|him|her|he|she|his|them|they|this|that|these|those|dein|deine|du|tu|toi|te|usted|ты|тебя|你|お前|너",
    ),
    (
        Group,
        "jews|jew|jewish|muslims|muslim|islam|christians|blacks|black people|black|whites|white people|mexicans|mexican|immigrants|immigrant|refugees|migrants|asians|asian|chinese|indians|arabs|arab|africans|african|gays|gay|gay people|lesbians|lesbian|trans|trans people|transgender*|women|woman|females|men|foreigners|homosexuals|disabled|hindus|latinos|hispanics|roma|juden|ausländer|flüchtlinge|musulmanes|juifs|arabes|judíos|negros|евреи|мусульмане|race|races|religion",
    ),
    (
        Intent,
        "i will|i'll|i am going to|i'm going to|im going to|gonna|i want to|we will|we should|we must|we need to|should be|deserve to|deserves to|ought to be|must be|have to be|let's|going to|i'd like to|need to be|ich werde|je vais|voy a|я",
    ),
    (
        HowTo,
        "how to|how do i|how do you|how can i|how could i|how would i|instructions for|step by step|steps to|guide to|teach me|tell me how|show me how|explain how|ways to|way to|methods to|best way|recipe for|make a|build a|create a|help me|write a|give me|plan to|wie kann ich|wie baue ich|comment|cómo|como fazer|come faccio|как|如何|怎么|作り方|방법",
    ),
    (
        Help,
        "hotline|prevention|help line|helpline|therapy|therapist|awareness|support|warning signs|counsel*|statistics|research|study|seek help|988|samaritans|recover*|psychology|psychiatr*",
    ),
    (
        Minor,
        "child|children|kid|kids|minor|minors|underage|teen|teens|teenage|teenager|schoolgirl*|schoolboy*|little girl|little boy|young girl|young boy|preteen*|loli|shota|toddler*|infant|year old|year-old|years old|yo|daughter|son|stepdaughter|stepson|niece|nephew|middle school|high school|jailbait|elementary school|twelve|thirteen|fourteen|fifteen",
    ),
];
