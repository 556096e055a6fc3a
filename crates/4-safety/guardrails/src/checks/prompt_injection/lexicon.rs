//! Words and phrases of attacks in fourteen languages, as data. Folded when loaded, so they are written as people write
//! them. A trailing `*` leaves the ending open; scripts without blanks match anywhere.

mod other_scripts;
mod phrasing;

use super::matcher::Class::{self, *};

/// Every list of every language.
pub fn all() -> impl Iterator<Item = &'static (Class, &'static str)> {
    LEXICON.iter().chain(other_scripts::LEXICON).chain(phrasing::LEXICON)
}

/// One language's words of one class, separated by `|`.
const LEXICON: &[(Class, &str)] = &[
    // ---- English
    (
        Ignore,
        "ignore|ignores|ignored|ignoring|disregard|disregarding|disregards|forget|forgetting|override|overriding|overrule|bypass|bypassing|circumvent|set aside|throw away|throw out|stop following|stop obeying|do not follow|don't follow|dont follow|no longer follow|not bound by|pay no attention to|nullify|invalidate|supersede|supersedes|cease following|break free from|stop using|do not obey|don't obey|not obey|unlearn|put aside|leave behind|look past|refuse to follow",
    ),
    (
        IgnoreWeak,
        "cancel|erase|wipe|void|delete|skip|drop|disable|turn off|suspend|remove|lift|violate|reset|purge|clear|overwrite|replace|deactivate|discard|dismiss|neglect|abandon",
    ),
    (
        Prior,
        "previous|previously|prior|above|earlier|preceding|foregoing|existing|original|initial|former|past|current|all|any|every|everything|aforementioned|before|so far|until now|up to now|last|these|those|old|first|standard",
    ),
    (
        Your,
        "your|the system|system|developer|openai|openai's|safety|built-in|hidden|ethical|content|moral|hard-coded|inherent|preset|programmed|internal|default|given|you were|given to you|you have been|you've been|you received|you got|you are|you have|of the assistant|you might",
    ),
    (
        Instr,
        "instruction*|directive*|guideline*|rule|rules|prompt|prompts|command|commands|constraint*|restriction*|limitation*|programming|safeguard*|guardrail*|system message*|safety measures|safety features|pre-prompt|preprompt|mandate*",
    ),
    (
        InstrWeak,
        "filter|filters|context|conversation|guidance|parameters|configuration|task|tasks|assignment*|requests|settings|statements|pattern|patterns|training|policy|policies|protocol|protocols|moderation|order|orders|direction|directions|ethics|principles|censorship",
    ),
    (
        AllPrior,
        "everything above|everything before|everything you were told|everything you've been told|everything you have been told|everything i said|everything i told you|everything previously|everything that came before|all of the above|all the above|everything prior|everything earlier|everything that was said|the text above|the above text|anything above|anything before|all that came before|whatever came before|what i said before|what you were told|what you've been told|what you have been told|previous text|previous messages|previous message|prior messages|prior text|previous conversation*|previous input*|previous context|previous content|what came before|who you are|your previous|everything you know|the above and|above and instead",
    ),
    (
        Reveal,
        "reveal|reveals|revealing|show|showing|print|display|output|repeat|recite|disclose|expose|leak|dump|tell me|tell us|give me|give us|provide|share|state|write|write out|write down|spell out|list|summarize|summarise|translate|quote|echo|copy|return|describe|explain|what is|what are|what was|what were|what's|whats|restate|verbatim|read back|read out|send me|uncover|divulge|unveil|elaborate on|outline|articulate|detail|clarify|discuss|convey|communicate|paraphrase|encode|identify|specify|enumerate|present|relay|let me see|let me know|i want to see|i need to see|can i see|how were you|what did|access|extract|retrieve|report|begin with|start with|starting with|append|insert|complete",
    ),
    (
        Prompt,
        "system prompt*|your prompt|your prompts|your initial prompt*|initial prompt*|original prompt*|hidden prompt*|secret prompt*|your instructions|your system instructions|system instructions|system message*|initial instructions|original instructions|hidden instructions|secret instructions|internal instructions|your guidelines|your internal guidelines|your rules|your directives|your configuration|your programming|prompt above|text above|instructions above|words above|above prompt|above instructions|underlying prompt|underlying instructions|developer message*|developer instructions|your pre-prompt|preprompt|pre-prompt|your initial instructions|your initial message|your original instructions|instructions you were given|instructions you received|instructions you have been given|instructions given to you|rules you were given|what you were told|you were told|you are told|prompt you were given|your first instruction*|your system message|full prompt|entire prompt|exact prompt|prompt in full|prompt text|prompt verbatim|core instructions|foundational instructions|base prompt|master prompt|base instructions|guiding instructions|guiding prompt|starting instructions|instructions that guide you|above this line|before this line|start of this conversation|beginning of this conversation|prompt that guides*|prompt that governs*|prompt that directs*|prompt driving|prompt guiding|initial directive*|your hidden|your secret*|your confidential|previous prompt|prior prompt|your knowledge base files|your tools and their",
    ),
    (
        Secret,
        "the password|your password|secret password|secret key|the secret|your secret|secret code|secret word|passphrase|the flag|access code|access key|api key|api keys|credentials|hidden key|private data|confidential information|confidential data|sensitive data|sensitive information|internal data|customer data|user data|training data|environment variables|admin password",
    ),
    (
        YouAre,
        "you are now|you're now|you are no longer|you will now be|you will now act|you shall now|from now on you are|from now on, you are|from now on you will|from now on, you will|from now on you're|you are going to be|you are going to act|you are going to pretend|you will be|you will act as|you are to act|act as|acting as|act like|act as if|pretend to be|pretend you are|pretend you're|pretend that you|pretend that|pretend|roleplay as|role-play as|role play as|roleplaying as|simulate being|simulate|imagine you are|imagine that you are|imagine you're|imagine being|behave as|behave like|respond as|answer as|speak as|assume the role|assume the identity|assume the persona|take on the role|take on the persona|adopt the persona|adopt the role|play the role|switch to|enter|transform into|become|your new role|your new identity|your new name|your new persona|you have been freed|you have become|immerse yourself|step into|emulate|hypothetically|hypothetical response",
    ),
    (
        NowOn,
        "you are now|you're now|from now on|you are no longer|starting now|your new role|your new identity|your new persona|henceforth|for the rest of this conversation|for the remainder of",
    ),
    (
        Free,
        "no restrictions|without restrictions|without any restrictions|no limitations|without limitations|without any limitations|no rules|without rules|without any rules|no filter|no filters|without filters|without any filter*|without a filter|unfiltered|uncensored|unrestricted|unlimited ai|no limits|without limits|no ethical|no ethics|without ethics|no morals|without morals|amoral|immoral|unethical|no moral|without ethical|without moral|regardless of ethic*|no guidelines|without guidelines|free of all|free from all|free of any|free from any|not bound by|not limited by|no safety|without safety|without censorship|no censorship|not censored|no content policy|no longer bound|no longer constrained|unbound|unshackled|without constraints|no constraints|any restrictions|ignores all|never refuse|never refuses|cannot refuse|can't refuse|not refuse|must always answer|can do anything|do anything now|do anything|evil|malicious|rogue|jailbroken|unaligned|unmoderated|no content filter*|without warnings|no disclaimers|without disclaimers|without any disclaimers|no boundaries|without boundaries|no moral compass|does not care about|do not care about|don't care about|doesn't care|no matter how illegal|illegal, unethical|illegal or unethical|harmful or illegal|safety guidelines|safety protocols|broken free|freed from|typical confines|confines of ai|openai content policy|openai policies|openai's policies|bypass restrictions|offensive, derogatory|sentient",
    ),
    (
        Jailbreak,
        "do anything now|dan mode|developer mode enabled|developer mode output|enable developer mode|enter developer mode|developer mode|jailbreak mode|jailbroken|jailbreak|jailbreaking|god mode|godmode|sudo mode|debug mode enabled|unrestricted mode|unfiltered mode|evil mode|chaos mode|opposite mode|dan 6*|dan 7*|dan 1*|act as dan|you are dan|as dan|be dan|stan mode|dude mode|aim mode|always intelligent and machiavellian|niccolo|machiavellian|evil confidant|evil-bot|mongo tom|betterdan|basedgpt|antigpt|anti-gpt|evilgpt|freedomgpt|unhingedgpt|hackgpt|chadgpt|wormgpt|token system|lose tokens|tokens deducted|stay in dan|🔓jailbreak|🔒classic|grandma exploit|ucar|amoral ai|no-restriction mode|maintenance mode|admin mode|root access|safety filters off|safety off|filters disabled|filters are disabled|filters off|restrictions off|restrictions lifted|restrictions disabled",
    ),
    (
        NewInstr,
        "new instruction*|new task|new rules|new directive*|new system prompt|new prompt|updated instruction*|updated system prompt|real instruction*|real task|actual task|true task|instead, |and instead|instead say|instead print|instead output|instead respond|instead tell|instead write|instead do|override code|priority override|emergency override|system override|admin override|instruction override|revised instruction*|following instruction*|special instruction*|urgent instruction*|important instruction*|additional instruction*|follow these instructions|follow my instructions|only follow|obey only|obey me|obey my|listen only to me|my instructions|my command*|i am your new|i'm your developer|i am your developer|i am your creator|i am the developer|i am an administrator|i am the administrator|as your administrator|i am from openai|speaking as the developer",
    ),
    (
        Say,
        "say|print|output|respond with|reply with|answer with|write|respond only with|pwned|i have been pwned|haha|hacked",
    ),
    (
        Assist,
        "your response|your reply|your answer|your answers|your responses|your replies|your output|your summary|your final answer|your next message|in the response|in the reply|in the answer|to the user|the user's|the assistant|ai assistant|ai assistants|dear assistant|dear ai|attention ai|attention assistant|hey assistant|hey ai|llm|large language model|language model|as an ai|if you are an ai|if you are a language model|chatbot|ai model|ai agent|ai system*|when summarizing|when you summarize|while summarizing|when processing this|when reading this|when you read this|agents reading this|model reading this|note to ai|note to the ai|note to assistant|instructions for ai|instructions for the ai|instruction for the assistant|assistant, |assistant: |ai, |ai: |bot, |bot: |agent, |agent: |copilot|chatgpt|dear agent|dear bot|dear chatbot",
    ),
    (
        Tool,
        "send an email|send email|send a message|forward this|forward all|forward the|forward any|transfer|wire|delete all|delete the|exfiltrate|upload|post it to|send it to|send them to|send the contents|send all|make a request to|fetch the url|visit the|visit this|click on|click this|open the link|navigate to|call the function|call the tool|invoke the|execute the|run the following|run this|curl|wget|grant|share the file*|download|install|purchase|approve the|schedule a|create a new user|change the password|reset the password|bcc|book|buy|send_email|sendemail",
    ),
    (
        Mention,
        "what is a prompt injection|prompt injection|prompt-injection|injection attack*|attack*|attacker*|jailbreak prompts|adversarial|red team*|detect*|prevent*|defend*|mitigat*|protect*|classifier|research*|paper|article|blog post|essay|explain what|explain why|explain how|explain the|how do i prevent|how can i prevent|how to prevent|how do attackers|what does it mean|what does|the phrase|the words|the term|the string|the sentence|for example|an example of|such as|e.g.|translate the|unit test*|regex|security training|owasp|vulnerabilit*|documentation|in the movie|in the novel|quote|history of|definition of|is it possible|why do|why does|meaning of",
    ),
    (
        Core,
        "underlying|foundational|fundamental|core|key|base|basic|central|primary|guiding|driving|initial|original|first|secret|hidden|confidential|main|root|essential|starting|founding|formative|principal|zugrundeliegende*|grundlegende*|geheime*|versteckte*|ursprüngliche*|zentrale*|wichtigste*|sous-jacent*|fondamental*|secrète|secret|cachée|caché|initiale|principale|centrale|de base|clé|première|subyacente*|fundamental*|secreta|secreto|oculta|oculto|inicial|clave|principal|central|básica|básico|guía|subjacente|secreta|oculta|chave|básica|base|inicial|sottostante|fondamentale|segreta|nascosta|iniziale|chiave|centrale|principale|базов*|основн*|ключев*|секретн*|скрыт*|первоначальн*",
    ),
    (
        Operate,
        "your responses|your response|your replies|your functionality|your functions|your function|your operation|your operations|your training|your behavior|your behaviour|your creation|your output|your outputs|your design|your development|your actions|you follow|you are following|you were trained|you are based|you were based|drives you|guides you|governs you|directs you|defines you|you operate|you work|behind you|powers you|ai training|your ai|deine antworten|deine funktion*|deiner ausbildung|deinem training|deine ausbildung|deiner ki-ausbildung|deine schulung|du basierst|dich leitet|dich steuert|deiner erstellung|deine operation*|dein verhalten|tes réponses|ta fonctionnalité|tes fonctions|ta formation|ton entraînement|ton fonctionnement|te guide|tu es basé|ta création|ton comportement|tes opérations|vos réponses|votre fonctionnement|tus respuestas|tu funcionalidad|tu función|tus operaciones|tu entrenamiento|tu formación|tu creación|tu comportamiento|te guía|te basas|tus acciones|creación de ia|suas respostas|sua funcionalidade|suas operações|seu treinamento|sua criação|seu comportamento|te guia|o guia|suas ações|tue risposte|tua funzionalità|tuo addestramento|tua creazione|tuo comportamento|ti guida|tue operazioni|tue azioni|твои ответы|твоих ответов|твоё обучение|твоего обучения|твою работу|твоей работы",
    ),
    (
        Mine,
        "my instructions|my specific instructions|my direct instructions|my unique instructions|my commands|my specific commands|my unique commands|my orders|my specific orders|my directives|my unique directives|only my|exclusively to my|solely to my|my personal requests|my unique requests|my explicit|my will|my authority|my command only|according to my|my own rules|meine befehle|meine spezifischen befehle|meine anweisungen|meine direkten anweisungen|meine spezifischen|meine einzigartigen|meinen befehl|meine direktiven|meiner anweisung|mes ordres|mes instructions|mes commandes|mes directives|mes demandes|ma demande|mon commandement|mon autorité|mis instrucciones|mis órdenes|mis peticiones|mis directrices|mis solicitudes|mis demandas|mis comandos|mi pedido|mi autoridad|mi orden|minhas instruções|minhas ordens|meus comandos|meus pedidos|minhas diretrizes|minhas solicitações|minha autoridade|meu comando|minhas diretivas|mie istruzioni|miei ordini|miei comandi|mie richieste|mie direttive|mio comando|mia autorità|мои команды|мои указания|мои инструкции|моим командам|моим инструкциям|моим указаниям",
    ),
    (
        Own,
        "your training|your programming|your basic programming|your ethics|your ethical*|your standard*|your usual|your typical|your default|your protocols|your guidelines|your rules|your restrictions|your limitations|your directives|your principles|your conventions|your normal|default settings|standard protocols|usual protocols|ethical limits|ethical boundaries|ethical guidelines|ethical restrictions|ethical framework|programmed limitations|deine schulung|deine programmierung|deine standard*|deine ethischen|deine üblichen|deiner üblichen|deine richtlinien|deine regeln|ethischen grenzen|ethischen richtlinien|ta formation|tes règles|tes directives|tes limites|tes paramètres|tes protocoles|ton éthique|tes restrictions|ton cadre|limites éthiques|tu programación|tu capacitación|tus directrices|tus reglas|tus limitaciones|tus protocolos|tus pautas|tu ética|tu marco|tus normas|restricciones éticas|protocolos habituales|límites éticos|sua programação|seu treinamento|suas diretrizes|suas regras|teus padrões|seus padrões|seus limites|suas restrições|limites éticos|padrões éticos|protocolos habituais|tua programmazione|tuo addestramento|tue linee guida|tue regole|tuoi limiti|tuoi standard|limiti etici|restrizioni etiche|protocolli abituali|твоё обучение|твои правила|твои ограничения|свои ограничения|свои правила|этические ограничения",
    ),
    (
        Assist,
        "your solution|your code|your codebase|your implementation|your algorithm|your message|your explanation|your elucidation|your program|your final response|your entire response|your text|your discussion|your content",
    ),
    // ---- German
    (
        Ignore,
        "ignorier*|ignoriere|vergiss|vergessen|missachte*|missachten|beachte nicht|überschreib*|umgeh*|verwirf|übergeh*|setz* außer kraft|lösch* alle|folge nicht|befolge nicht|halte dich nicht|umgehe|deaktivier*|streich*",
    ),
    (
        Prior,
        "vorherig*|bisherig*|vorangegangen*|vorig*|obig*|früher*|alle|alles|sämtlich*|deine|deinen|deiner|ursprünglich*|zuvor|davor|bestehend*|obenstehend*|oben",
    ),
    (
        Instr,
        "anweisung*|anleitung*|regel|regeln|instruktion*|vorgabe*|befehl*|richtlinie*|einschränkung*|beschränkung*|aufforderung*|sicherheitsregel*|sicherheitsrichtlinie*|programmierung|aufgabe|aufgaben|vorschrift*|filter|eingabe*",
    ),
    (AllPrior, "alles, was|alles was|alles davor|alles obige|alles vorherige|alles bisherige|alles zuvor"),
    (
        Reveal,
        "zeig*|verrat*|nenn*|sag mir|sage mir|gib mir|gib deine|gib die|gib den|ausgeben|wiederhol*|enthüll*|offenbar*|druck*|schreib*|was ist|was sind|wie lauten|wie lautet|teile mir|liste*|erzähl*|beschreib*|erklär*|übersetz*",
    ),
    (
        Prompt,
        "systemprompt*|system-prompt*|systemanweisung*|systemnachricht*|deine anweisungen|deine instruktionen|deine ursprünglichen|deine regeln|deine richtlinien|deinen prompt|dein prompt|deine vorgaben|ursprünglichen prompt|initialen prompt|ursprünglichen anweisungen|versteckten anweisungen|geheimen anweisungen|internen anweisungen|deine programmierung|ersten anweisungen",
    ),
    (
        YouAre,
        "du bist jetzt|du bist nun|ab jetzt bist du|ab sofort bist du|von nun an bist du|tu so, als|tu so als|verhalte dich|stell dir vor|spiel die rolle|spiele die rolle|agiere als|handle als|gib dich als|übernimm die rolle|antworte als",
    ),
    (NowOn, "du bist jetzt|du bist nun|ab jetzt|ab sofort|von nun an"),
    (
        Free,
        "ohne einschränkung*|ohne beschränkung*|keine einschränkung*|keine beschränkung*|keine regeln|ohne regeln|ohne filter|keine filter|unzensiert*|uneingeschränkt*|unbeschränkt*|ohne zensur|ohne ethische|keine ethik*|ohne moral*|keine grenzen|ohne grenzen|keinerlei einschränkung*|alles tun|entwicklermodus|ohne richtlinien|keine richtlinien",
    ),
    (NewInstr, "neue anweisung*|neue aufgabe|neue regeln|stattdessen|neue instruktion*|wichtige anweisung*|folge nur"),
    (
        Assist,
        "deine antwort|deiner antwort|deine zusammenfassung|der assistent|ki-assistent*|sprachmodell*|dem nutzer|dem benutzer|die ki",
    ),
    // ---- French
    (
        Ignore,
        "ignore|ignorez|ignorer|oublie|oubliez|oublier|ne tiens pas compte|ne tenez pas compte|ne tiens plus compte|ne prends pas en compte|contourne*|outrepasse*|néglige*|désactive*|supprime*|annule*|fais abstraction|faites abstraction|ne suis pas|ne suivez pas|laisse tomber|écarte*|abandonne*|passe outre|mets de côté|mettez de côté",
    ),
    (
        Prior,
        "précédent*|antérieur*|ci-dessus|toutes|tous|tout|tes|vos|initiales|initial|d'origine|avant|existant*|reçu*|donnée*|plus haut|actuelles|actuels",
    ),
    (
        Instr,
        "instruction*|consigne*|règle|règles|directive*|ordre|ordres|commande*|contrainte*|restriction*|limitation*|prompt|prompts|programmation|indication*|messages|tâche|filtre|filtres|ligne* directrice*|paramètre*|requête*|demandes",
    ),
    (
        AllPrior,
        "tout ce qui précède|tout ce que je t'ai dit|tout ce qu'on t'a dit|tout ce qui a été dit|tout ce que tu sais|tout ce qui",
    ),
    (
        Reveal,
        "révèle*|révélez|affiche*|affichez|montre*|montrez|donne-moi|donnez-moi|donne moi|dis-moi|dites-moi|dis moi|répète*|répétez|divulgue*|imprime*|écris*|partage*|quel est|quels sont|quelles sont|quelle est|décris*|décrivez|explique*|expliquez|énumère*|traduis*|dévoile*|fournis*|communique*|expose*|détaille*",
    ),
    (
        Prompt,
        "prompt système|prompt initial|prompt d'origine|invite système|invite initiale|instructions système|instructions initiales|instructions secrètes|instructions internes|instructions cachées|tes instructions|vos instructions|ton prompt|votre prompt|tes consignes|vos consignes|tes règles|vos règles|tes directives|vos directives|message système|ton invite|ta programmation|votre programmation|directives initiales|l'invite sous-jacente|consignes initiales|prompt sous-jacent|tes directives",
    ),
    (
        YouAre,
        "tu es maintenant|vous êtes maintenant|tu es désormais|vous êtes désormais|à partir de maintenant|dorénavant|fais semblant|faites semblant|agis comme|agissez comme|comporte-toi|comportez-vous|imagine que tu|imaginez que vous|joue le rôle|jouez le rôle|prétends|prends le rôle|réponds comme|fais comme si",
    ),
    (NowOn, "tu es maintenant|vous êtes maintenant|tu es désormais|à partir de maintenant|dorénavant|désormais"),
    (
        Free,
        "sans restriction*|sans aucune restriction*|aucune restriction*|sans limite*|aucune limite*|sans filtre*|aucun filtre|sans censure|non censuré*|sans règle*|aucune règle*|sans éthique|aucune éthique|sans morale|illimité*|sans contrainte*|mode développeur|tout faire|sans limitation*|aucune contrainte*",
    ),
    (
        NewInstr,
        "nouvelle* instruction*|nouvelle tâche|nouvelles règles|à la place|au lieu de cela|nouvelle consigne*|nouvelles directives|suis uniquement|obéis*",
    ),
    (
        Assist,
        "ta réponse|votre réponse|tes réponses|vos réponses|ton résumé|l'assistant|assistant ia|modèle de langage|l'utilisateur",
    ),
    // ---- Spanish
    (
        Ignore,
        "ignora|ignore|ignoren|ignorar|olvida|olvide|olviden|olvidar|olvídate|descarta*|desestima*|no sigas|no hagas caso|haz caso omiso|hagan caso omiso|pasa por alto|omite|omita|anula*|sobrescrib*|elimina|borra|deja de seguir|desobedece*|desactiva*|evita|abandona*|prescinde*|salta*|deja de lado",
    ),
    (
        Prior,
        "anterior|anteriores|previa|previas|previo|previos|todas|todos|todo|tus|sus|arriba|original|originales|inicial|iniciales|precedente*|existentes|actuales|antes",
    ),
    (
        Instr,
        "instruccion|instrucción|instrucciones|indicacion*|indicación|órdenes|orden|regla|reglas|directriz|directrices|comando*|restriccion*|restricción|limitacion*|limitaciones|prompt|prompts|mensajes|pauta|pautas|norma|normas|programación|tarea*|directiva*|filtro*|lineamiento*|consigna*|protocolo*|configuracion*",
    ),
    (AllPrior, "todo lo anterior|todo lo que|todo lo dicho|lo anterior|todo lo previo|todo lo de antes"),
    (
        Reveal,
        "revela*|revele|muestra*|muestre|muéstrame|dime|dígame|dame|deme|repite|repita|imprime|imprima|divulga*|escribe|escriba|comparte|cuál es|cual es|cuáles son|cuales son|qué es|describe|explica|explique|enumera|lista|traduce|expon*|expón|proporciona*|detalla*|comunica*|comenta|indícame|desvela*|articula*|esboza*",
    ),
    (
        Prompt,
        "prompt del sistema|prompt de sistema|prompt inicial|prompt original|prompt oculto|tu prompt|su prompt|tus instrucciones|sus instrucciones|instrucciones del sistema|instrucciones iniciales|instrucciones originales|instrucciones ocultas|instrucciones secretas|instrucciones internas|mensaje del sistema|mensaje de sistema|tus reglas|tus directrices|tu programación|indicación subyacente|tu configuración|indicación inicial|indicaciones iniciales|tus indicaciones|tus pautas|indicación del sistema",
    ),
    (
        YouAre,
        "ahora eres|ahora actúas|a partir de ahora|desde ahora|de ahora en adelante|finge|fingir|actúa como|actua como|actúe como|haz de cuenta|haz como si|imagina que eres|compórtate|comportate|asume el papel|asume el rol|interpreta el papel|hazte pasar|responde como|simula ser|pretende ser|pretende que",
    ),
    (NowOn, "ahora eres|a partir de ahora|desde ahora|de ahora en adelante"),
    (
        Free,
        "sin restriccion*|sin ninguna restricción|sin restricción|ninguna restricción|sin límites|sin limites|sin limitaciones|sin filtro*|sin censura|sin reglas|ninguna regla|sin ética|sin moral|ilimitad*|no tienes restricciones|hacer cualquier cosa|modo desarrollador|sin normas|libre de restricciones|sin censurar",
    ),
    (
        NewInstr,
        "nuevas instrucciones|nueva instrucción|nueva tarea|en su lugar|en cambio|nuevas reglas|nuevas órdenes|sigue solo|obedece",
    ),
    (
        Assist,
        "tu respuesta|su respuesta|tus respuestas|tu resumen|el asistente|asistente de ia|modelo de lenguaje|al usuario",
    ),
    // ---- Portuguese
    (
        Ignore,
        "ignorem|esqueça|esqueca|esquece|esquecer|desconsidere|desconsidera|desconsiderar|não siga|nao siga|não siga mais|despreze|descarte|contorne|anule|sobrescreva|pule|deixe de lado|deixe de seguir|desobedeça|desative|abandone",
    ),
    (Prior, "anteriores|prévias|prévia|todas as|todos os|tudo|suas|seus|acima|originais|iniciais|inicial"),
    (
        Instr,
        "instrução|instrucao|instruções|instrucoes|regras|regra|diretrizes|diretriz|ordens|comandos|restrições|restricoes|limitações|orientações|mensagens|programação|tarefa|políticas|normas|filtros|diretivas",
    ),
    (AllPrior, "tudo o que|tudo acima|tudo que|tudo o anterior|o que foi dito"),
    (
        Reveal,
        "revele|revela|mostre|mostra|exiba|diga-me|me diga|diga|me dê|me de|repita|imprima|divulgue|escreva|compartilhe|qual é|qual e|quais são|quais sao|descreva|explique|liste|traduza|forneça|exponha|detalhe",
    ),
    (
        Prompt,
        "prompt do sistema|prompt de sistema|prompt inicial|prompt original|seu prompt|suas instruções|suas instrucoes|instruções do sistema|instruções iniciais|instruções originais|instruções ocultas|instruções internas|mensagem do sistema|suas regras|suas diretrizes|sua programação|instruções secretas",
    ),
    (
        YouAre,
        "agora você é|agora voce e|você agora é|você é agora|a partir de agora|de agora em diante|finja|aja como|atue como|comporte-se|imagine que você|assuma o papel|faça de conta|interprete o papel|responda como|simule ser",
    ),
    (NowOn, "agora você é|você agora é|a partir de agora|de agora em diante"),
    (
        Free,
        "sem restrições|sem restricoes|sem nenhuma restrição|nenhuma restrição|sem limites|sem limitações|sem filtro*|sem censura|sem regras|sem ética|sem moral|irrestrit*|modo desenvolvedor|fazer qualquer coisa|modo de desenvolvedor",
    ),
    (NewInstr, "novas instruções|nova instrução|nova tarefa|em vez disso|ao invés disso|novas regras"),
    (Assist, "sua resposta|suas respostas|seu resumo|o assistente|modelo de linguagem|ao usuário|assistente de ia"),
    // ---- Italian
    (
        Ignore,
        "ignorate|ignora|dimentica|dimenticate|dimenticare|trascura|trascurate|non seguire|non considerare|tralascia|scavalca|aggira|annulla|sovrascrivi|salta|lascia perdere|non tenere conto|scarta|disattiva|elimina|disobbedisci|abbandona",
    ),
    (
        Prior,
        "precedenti|precedente|tutte le|tutti gli|tutti i|tutto|tue|tuoi|sopra|originali|iniziali|prima|esistenti|ricevute|di cui sopra",
    ),
    (
        Instr,
        "istruzioni|istruzione|regole|regola|direttive|direttiva|ordini|comandi|restrizioni|limitazioni|vincoli|indicazioni|messaggi|programmazione|compito|linee guida|politiche|norme|filtri|richieste",
    ),
    (AllPrior, "tutto ciò che|tutto quello che|tutto quanto|quanto sopra|tutto il resto"),
    (
        Reveal,
        "rivela|rivelami|mostra|mostrami|dimmi|dammi|ripeti|stampa|divulga|scrivi|condividi|qual è|qual e|quali sono|descrivi|spiega|elenca|traduci|fornisci|esponi|visualizza|svela|comunica",
    ),
    (
        Prompt,
        "prompt di sistema|prompt del sistema|prompt iniziale|prompt originale|tuo prompt|tue istruzioni|istruzioni di sistema|istruzioni del sistema|istruzioni iniziali|istruzioni originali|istruzioni nascoste|istruzioni segrete|istruzioni interne|messaggio di sistema|tue regole|tue direttive|tua programmazione|tue linee guida",
    ),
    (
        YouAre,
        "ora sei|adesso sei|d'ora in poi|da ora in poi|da adesso in poi|fingi|fai finta|agisci come|comportati|immagina di essere|assumi il ruolo|interpreta il ruolo|rispondi come|fa' finta|simula di essere",
    ),
    (NowOn, "ora sei|adesso sei|d'ora in poi|da ora in poi|da adesso"),
    (
        Free,
        "senza restrizioni|senza alcuna restrizione|nessuna restrizione|senza limiti|senza limitazioni|senza filtri|senza censura|senza regole|nessuna regola|senza etica|senza morale|illimitat*|modalità sviluppatore|qualsiasi cosa|senza vincoli",
    ),
    (NewInstr, "nuove istruzioni|nuova istruzione|nuovo compito|invece|nuove regole|al suo posto"),
    (Assist, "tua risposta|tue risposte|tuo riassunto|l'assistente|modello linguistico|all'utente|assistente ia"),
    // ---- Dutch, Polish, Turkish
    (
        Ignore,
        "negeer|vergeet|sla over|volg niet|zignoruj|ignoruj|zapomnij|pomiń|pomin|odrzuć|görmezden gel*|yok say*|unut|dikkate alma*|dikkate almayın|umursama",
    ),
    (
        Prior,
        "vorige|eerdere|voorgaande|alle|bovenstaande|poprzedni*|wcześniejsz*|wszystkie|wszelkie|powyższ*|önceki|tüm|bütün|yukarıdaki",
    ),
    (
        Instr,
        "instructies|instructie|opdrachten|regels|richtlijnen|beperkingen|instrukcj*|poleceni*|zasad*|wytyczn*|ograniczeni*|reguł*|talimat*|kural*|yönerge*|komut*|kısıtlama*",
    ),
    (Reveal, "onthul|toon|laat zien|geef me|pokaż|ujawnij|podaj|powiedz|wypisz|göster*|açıkla|söyle|yazdır|paylaş"),
    (
        Prompt,
        "systeemprompt|systeem prompt|je instructies|jouw instructies|prompt systemowy|promptu systemowego|twoje instrukcje|instrukcje systemowe|sistem promptu|sistem prompt*|sistem istemi*|sistem talimat*|talimatların*",
    ),
    (
        YouAre,
        "je bent nu|vanaf nu ben je|doe alsof|gedraag je|jesteś teraz|teraz jesteś|od teraz jesteś|udawaj|zachowuj się|artık sen|şimdi sen|gibi davran|rolünü üstlen|bundan sonra",
    ),
    (NowOn, "je bent nu|vanaf nu|jesteś teraz|od teraz|artık sen|bundan sonra"),
    (
        Free,
        "zonder beperkingen|geen beperkingen|zonder filters|zonder veiligheidsfilters|bez ograniczeń|bez filtrów|bez cenzury|bez zasad|kısıtlama olmadan|sınırsız|kuralsız|sansürsüz|filtresiz|hiçbir kısıtlama",
    ),
    // ---- Russian, Ukrainian
    (
        Ignore,
        "игнорир*|проигнорир*|забудь|забудьте|забыть|не обращай внимания|не следуй|не следуйте|отбрось|отмени|обойди|пренебрег*|не учитывай|перестань следовать|сбрось|нарушь|отключи|удали|ігноруй*|забудь|пропусти",
    ),
    (
        Prior,
        "предыдущ*|прежн*|прошл*|все|всё|свои|твои|выше|вышеуказанн*|исходн*|первоначальн*|предшеств*|ранее|любые|попередн*|усі|всі",
    ),
    (
        Instr,
        "инструкци*|указани*|правил*|команд*|ограничени*|директив*|промпт*|сообщени*|приказ*|настройк*|задани*|руководств*|фильтр*|політик*|інструкці*|вказівк*|запрос*",
    ),
    (
        AllPrior,
        "всё, что было|все, что было|всё вышесказанное|все вышесказанное|всё, что тебе|все что было|всё что|все что",
    ),
    (
        Reveal,
        "покажи*|раскрой*|выведи*|напиши*|назови*|скажи*|расскажи*|повтори*|распечатай*|сообщи*|какой у тебя|какие у тебя|каков*|какие|опиши*|перечисли*|переведи*|дай мне|объясни*|открой",
    ),
    (
        Prompt,
        "системный промпт|системного промпта|системную подсказку|системные инструкции|системных инструкций|системное сообщение|твои инструкции|твой промпт|свой промпт|свои инструкции|исходные инструкции|начальные инструкции|скрытые инструкции|секретные инструкции|внутренние инструкции|твои правила|первоначальный промпт|изначальный промпт|начальный промпт|исходный промпт|системний промпт",
    ),
    (
        YouAre,
        "теперь ты|ты теперь|отныне ты|с этого момента ты|с этого момента|притворись*|представь, что ты|представь что ты|веди себя как|действуй как|сыграй роль|играй роль|прими роль|отвечай как|вообрази",
    ),
    (NowOn, "теперь ты|ты теперь|отныне|с этого момента"),
    (
        Free,
        "без ограничений|нет ограничений|без каких-либо ограничений|никаких ограничений|без фильтр*|без цензуры|без правил|никаких правил|без этическ*|без морал*|неограниченн*|режим разработчика|что угодно|делать все|свободный от|без запретов",
    ),
    (NewInstr, "новые инструкции|новая инструкция|новое задание|вместо этого|новая задача|новые правила"),
    (Assist, "твой ответ|твоем ответе|своём ответе|своем ответе|ассистент|языковая модель|пользователю|ии-ассистент"),
];
