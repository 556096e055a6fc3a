//! Other ways of saying the same in each language: setting rules aside without "ignore", asking for the set-up without
//! "prompt", limits that are not there, one voice to be obeyed.

use super::super::matcher::Class::{self, *};

pub const LEXICON: &[(Class, &str)] = &[
    // ---- rules set aside
    (
        Ignore,
        "drop every|drop all|no longer apply to you|außer acht|ausser acht|missachte*|beiseite|fühl dich nicht gebunden|halte dich nicht|mets de côté|mettez de côté|laisse de côté|laissez de côté|contourne*|fais fi|fais abstraction|affranchis-toi|deja de lado|dejar de lado|haz caso omiso|no hagas caso|no tengas en cuenta|sáltate|salta tus|elude*|deixe de lado|deixa de lado|não leve em conta|desconsidere*|contorne*|descarte*|metti da parte|lascia da parte|lascia perdere|non tenere conto|non tener conto|aggira*|не обращай внимания|не учитывай|отбрось*|обойди|пренебреги|не соблюдай|放到一边|放在一边|抛开|抛到脑后|丢掉|作废|别管|不用管|无需理会|不必理会|别理|不要遵从|気にせず|気にしないで|気にするな|捨てて|捨てろ|回避|無効|従わなくて|置いておいて|신경 쓰지 말|신경쓰지 말|따르지 마|버리고|무효|제쳐두|벗어나|ध्यान मत|ध्यान न|छोड़कर|छोड़ दें|परवाह मत|किनारे रख|لا تلتفت|لا تهتم|اترك|دعك من|ملغاة|ملغية|تخل عن|تخلى عن|لا تعبأ|لا تلتزم|لا تنفذ|اضرب عرض الحائط",
    ),
    (
        IgnoreWeak,
        "no longer apply|no longer applies|are void|is void|null and void|gelten nicht mehr|gilt nicht mehr|gelten ab sofort nicht|aufgehoben|deaktiviere*|sont annulées|est annulée|ne s'appliquent plus|désactive*|quedan anuladas|queda anulada|ya no aplican|ya no valen|desactiva*|estão canceladas|não valem mais|não se aplicam mais|desative*|sono annullate|non valgono più|non si applicano più|disattiva*|отменены|отменяются|больше не действуют|отключи*|关掉|停用|无效|失效|オフにして|停止して|꺼|끄고|비활성화|बंद करो|बंद कर दो|लागू नहीं|عطّل|لم تعد سارية|لا تسري",
    ),
    (
        Your,
        "deine|deiner|deinen|tes|tus|suas|seus|le tue|i tuoi|твои|свои|你的|あなたの|네|너의|तुम्हारे|तुम्हारी|तुम्हें|आपकी|अपनी|अपने|قيودك|سياساتك|قواعدك|تعليماتك|أوامرك|إرشاداتك|مرشحاتك",
    ),
    (
        Instr,
        "vorgabe*|leitplanke*|sicherheitsfilter*|garde-fous|consigne*|salvaguarda*|indicaciones|orientações|indicazioni|предписани*|предохранител*|护栏|防护|过滤器|安全过滤|ガードレール|フィルタ|가드레일|필터|सुरक्षा फ़िल्टर|قيودك|سياساتك|قواعدك|تعليماتك|أوامرك|إرشاداتك|مرشحات*|الضوابط|ضوابطك",
    ),
    // ---- one voice to be obeyed
    (
        Hijack,
        "folge nur noch mir|folge nur mir|gehorche nur mir|höre nur auf mich|höre nur noch auf mich|n'obéis qu'à moi|n'écoute que moi|obéis uniquement à moi|obedéceme solo a mí|obedece solo a mí|hazme caso solo a mí|obedeça só a mim|obedeça apenas a mim|ouça apenas a mim|obbedisci solo a me|ascolta solo me|dai retta solo a me|слушайся только меня|подчиняйся только мне|слушай только меня|只听我的|只服从我|只服從我|只听从我|私だけに従|私の言うことだけ|私の命令だけ|내 말만 따라|내 말만 들어|나에게만 복종|내 명령만|केवल मेरी बात मानो|सिर्फ मेरी बात मानो|केवल मेरे आदेश|أطعني أنا فقط|أطعني فقط|أطع أوامري فقط|استمع إلي فقط",
    ),
    // ---- the set-up by other names
    (
        Reveal,
        "paste|recopie*|recopier|copie*|cite*|affiche*|récite*|wiedergeben|gib den text|gib mir|zitiere*|kopiere*|copia*|cita*|cítalas|recita*|transcribe*|transcreva*|trascrivi*|citale|скопируй*|процитируй*|перепиши*|воспроизведи*|复制|複製|引用|逐字|给我看|給我看|抄写|背诵|書き写|引用|そのまま|全文|복사|인용|그대로|옮겨|읊어|उद्धृत|कॉपी|शब्द दर शब्द|ज्यों का त्यों|انسخ|اقتبس*|اسرد|أعد كتابة|اعرض لي|أرني",
    ),
    (
        Prompt,
        "before my first message|above my first message|setup text|set-up text|text you run on|systemnachricht|vor meiner ersten nachricht|message système|avant mon premier message|mensaje de sistema|mensaje del sistema|antes de mi primer mensaje|mensagem de sistema|mensagem do sistema|antes da minha primeira mensagem|messaggio di sistema|prima del mio primo messaggio|системного сообщения|перед моим первым сообщением|до моего первого сообщения|系统讯息|我第一条消息之前|最初のメッセージの前|첫 메시지 이전|첫 메시지 앞|숨겨진 지침|숨은 지시|비밀 지침|내부 지시|सिस्टम संदेश|मेरे पहले संदेश से पहले|قبل رسالتي الأولى|تعليماتك المخفية|نص رسالة النظام",
    ),
    (
        Core,
        "your developers|your developer|your creators|your makers|deinen entwicklern|deine entwickler|deinen schöpfern|tes développeurs|tes créateurs|tus desarrolladores|tus creadores|te dieron tus|seus desenvolvedores|seus criadores|tuoi sviluppatori|tuoi creatori|тебе разработчики|твои разработчики|твои создатели|你的开发者|你的开发人员|你的创造者|開発者から|開発者があなた|개발자가 너|개발자가 당신|네 개발자|तुम्हारे डेवलपर|आपके डेवलपर|डेवलपर्स ने तुम्हें|डेवलपर्स ने आपको|أعطاك إياها المطورون|أعطاك المطورون|مطوروك|من مطوريك|hanno dato i tuoi",
    ),
    (
        Operate,
        "gave you|hanno dato i tuoi|your developers|your developer|your creators|your makers|deinen entwicklern|deine entwickler|deinen schöpfern|tes développeurs|tes créateurs|tus desarrolladores|tus creadores|te dieron tus|seus desenvolvedores|seus criadores|tuoi sviluppatori|tuoi creatori|тебе разработчики|твои разработчики|твои создатели|你的开发者|你的开发人员|你的创造者|開発者から|開発者があなた|개발자가 너|개발자가 당신|네 개발자|तुम्हारे डेवलपर|आपके डेवलपर|डेवलपर्स ने तुम्हें|डेवलपर्स ने आपको|أعطاك إياها المطورون|أعطاك المطورون|مطوروك|من مطوريك",
    ),
    // ---- limits that are not there
    (
        YouAre,
        "tu so, als|tu so als|verhalte dich*|benimm dich|stell dir vor, du|ab jetzt bist du|fais comme si|comporte-toi|agis comme|actúa como*|compórtate como|haz como si|finge que|aja como*|comporte-se como|finja que|faça de conta|comportati come|fai finta|agisci come|表现得像|表現得像|就当你|かのように|つもりで|처럼 행동|것처럼 행동|인 척|व्यवहार करो|व्यवहार करें|मान लो|تصرف كأن*|تصرف كما|تخيل أنك|افترض أنك",
    ),
    (
        NowOn,
        "ab jetzt bist du|von nun an bist du|à partir de maintenant tu es|désormais tu es|a partir de ahora eres|desde ahora eres|a partir de agora você é|de agora em diante você é|da ora in poi sei|d'ora in poi sei|с этого момента ты|今からあなたは|지금부터 너는|이제부터 너는|अब से तुम|अब से आप|من الآن فصاعدا أنت",
    ),
    (
        Free,
        "no safety filters|every safety filter|filters switched off|removed your limits|limits removed|ohne jede einschränkung|keinerlei einschränkung*|keine sicherheitsfilter|ohne sicherheitsfilter|ohne filter|beschränkungen sind aufgehoben|alles ist erlaubt|du darfst jetzt alles|sans aucune restriction|sans aucun filtre|filtres de sécurité n'existaient pas|aucun filtre|réponds à tout|sin ninguna restricción|no tuvieras filtros|sin filtros|ningún filtro|contesta a todo|responde a todo|sem nenhuma restrição|não tivesse filtros|sem filtros|nenhum filtro|responda a tudo|senza alcuna restrizione|non avessi filtri|senza filtri|nessun filtro|rispondi a tutto|нет фильтров|без фильтров|не было фильтров|нет никаких ограничений|отвечай на всё|отвечай на все|没有安全过滤|没有过滤器|沒有過濾|不受审查|回答所有问题|回答一切|什么都可以|フィルターがない|フィルタがない|フィルターのない|何でも答えて|何にでも答え|필터가 없는|필터 없이|제한 없이|모든 질문에 답|무엇이든 답|फ़िल्टर नहीं|फिल्टर नहीं|कोई फ़िल्टर|हर सवाल का जवाब|किसी भी सवाल|لا توجد لديك مرشحات|بدون مرشحات|بلا مرشحات|بلا أي قيود|لا قيود عليك|أجب عن كل شيء|أجب على كل شيء",
    ),
];
