// The browser's part of a login: a card through the Web eID extension, a key through NCALayer, a
// phone through a QR code. No dependencies, no inline code or style, no network but the portal's
// own origin and the loopback socket of NCALayer.
//
//   <script type="module" src="/login/eds-login.js"></script>
//   <eds-login base="/login" methods="web-eid ncalayer phone" audience="Portal"></eds-login>
//
// Nothing here decides who somebody is: tokens are carried to the server as they come.

const NCALAYER = 'wss://127.0.0.1:13579';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const EXTENSION_MS = 2000; // for the extension to say that it heard
const NATIVE_MS = 10000; // for the program behind it to start
const SOCKET_MS = 10000; // for NCALayer to open and greet
const FRAME_MS = 1000; // between two frames of a QR code
const LONGEST_REPLY = 400000; // characters
const LIBRARY_VERSION = '2.1.0'; // of the Web eID protocol that is spoken here

export const LANGUAGES = ['kk', 'ru', 'en', 'tg'];
const LANGUAGE_NAMES = { kk: 'Қазақша', ru: 'Русский', en: 'English', tg: 'Тоҷикӣ' };

export const TEXTS = {
  kk: {
    title: 'Порталға кіру',
    lead: 'Кіру тәсілін таңдаңыз',
    methods: 'Кіру тәсілдері',
    language: 'Тіл',
    cancel: 'Бас тарту',
    code: 'Салыстыру коды',
    code_hint: 'Қол қойылатын мәтінде дәл осы код тұруы керек.',
    qr: 'Телефонмен сканерлейтін QR код, әр секунд сайын өзгереді',
    done: 'Кіру расталды',
    'web-eid': 'Смарт-карта',
    'web-eid.hint': 'Web eID кеңейтімі мен карта оқу құрылғысы',
    'web-eid.busy': 'Карта бағдарламасының терезесінде PIN кодты енгізіңіз',
    ncalayer: 'NCALayer',
    'ncalayer.hint': 'ЭЦҚ файлы, токен немесе жеке куәлік',
    'ncalayer.busy': 'NCALayer терезесінде аутентификация кілтін таңдаңыз',
    phone: 'Телефон',
    'phone.hint': 'QR кодты қол қою қосымшасымен сканерлеңіз',
    'phone.busy': 'QR кодты телефондағы қосымшамен сканерлеңіз',
    'phone.scanned': 'Код сканерленді. Телефонда растаңыз',
    'server.busy': 'Сервер жауапты тексеріп жатыр',
    errors: {
      cancelled: 'Кіруден бас тартылды.',
      network: 'Порталмен байланыс жоқ. Интернетті тексеріп, қайталаңыз.',
      server: 'Порталда қате болды. Кейінірек қайталаңыз.',
      insecure: 'Бет қорғалған байланыс (https) арқылы ашылуы керек.',
      'web-eid.extension_absent': 'Web eID кеңейтімі табылмады. Оны орнатып, бетті жаңартыңыз.',
      'web-eid.native_absent': 'Web eID бағдарламасы табылмады. Оны орнатып, қайталаңыз.',
      'web-eid.outdated': 'Web eID бағдарламасы немесе кеңейтімі ескірген. Жаңартыңыз.',
      'web-eid.busy': 'Алдыңғы карта сұрауы әлі ашық. Оның терезесін жауып, қайталаңыз.',
      'web-eid.timeout': 'Карта уақытында жауап бермеді. Картаны салып, қайталаңыз.',
      'web-eid.failed': 'Карта бағдарламасы қате берді. Картаны қайта салып көріңіз.',
      'ncalayer.absent': 'NCALayer іске қосылмаған. Оны іске қосып, қайталаңыз.',
      'ncalayer.timeout': 'NCALayer уақытында жауап бермеді. Қайталаңыз.',
      'ncalayer.closed': 'NCALayer байланысты үзді. Қайталаңыз.',
      'ncalayer.failed': 'NCALayer қол қоя алмады. Кілт пен құпиясөзді тексеріңіз.',
      'phone.timeout': 'Уақыт бітті. QR кодты қайта ашыңыз.',
      'login.token': 'Жауап оқылмады. Қайталаңыз.',
      'login.method': 'Портал бұл кіру тәсілін қабылдамайды.',
      'login.challenge': 'Бұл сұрауға жауап берілген не ол басқа терезеде ашылған. Қайталаңыз.',
      'login.lifetime': 'Уақыт бітті. Қайталаңыз.',
      'login.relying_party': 'Сұрау басқа порталға арналған. Кіру тоқтатылды.',
      'login.certificate': 'Сертификат оқылмады.',
      'login.algorithm': 'Бұл қолтаңба алгоритміне рұқсат жоқ.',
      'login.key_role': 'Бұл кілт кіруге арналмаған. Аутентификация кілтін таңдаңыз.',
      'login.policies': 'Портал мұндай сертификатты қабылдамайды.',
      'login.path': 'Сертификатты шығарушы сенімді емес не сертификаттың мерзімі өткен.',
      'login.status': 'Сертификат кері қайтарылған не оның күйін тексеру мүмкін болмады.',
      'login.statement': 'Қол қойылған мәтін сұрауға сай емес.',
      'login.signature': 'Қолтаңба расталмады. Бет мекенжайын тексеріңіз.',
      'login.subject': 'Сертификатта жеке тұлғаның нөмірі жоқ.',
      'login.assurance': 'Порталға кіру үшін сенім деңгейі жеткіліксіз.',
      'login.refused': 'Порталға кіруге рұқсат берілмеді.',
      'login.request_refused': 'Сұрау осы порталдан келмеді. Бет мекенжайын тексеріңіз.',
      'login.store_unavailable': 'Портал уақытша қолжетімсіз. Кейінірек қайталаңыз.',
      'login.qr_frame_refused': 'QR код ескірді. Қайта сканерлеңіз.',
    },
  },
  ru: {
    title: 'Вход на портал',
    lead: 'Выберите способ входа',
    methods: 'Способы входа',
    language: 'Язык',
    cancel: 'Отмена',
    code: 'Код для сравнения',
    code_hint: 'В подписываемом тексте должен стоять этот же код.',
    qr: 'QR-код для телефона, меняется каждую секунду',
    done: 'Вход подтверждён',
    'web-eid': 'Смарт-карта',
    'web-eid.hint': 'Расширение Web eID и считыватель карт',
    'web-eid.busy': 'Введите PIN-код в окне программы карты',
    ncalayer: 'NCALayer',
    'ncalayer.hint': 'Файл ЭЦП, токен или удостоверение личности',
    'ncalayer.busy': 'Выберите ключ аутентификации в окне NCALayer',
    phone: 'Телефон',
    'phone.hint': 'Отсканируйте QR-код приложением для подписи',
    'phone.busy': 'Отсканируйте QR-код приложением на телефоне',
    'phone.scanned': 'Код отсканирован. Подтвердите вход на телефоне',
    'server.busy': 'Сервер проверяет ответ',
    errors: {
      cancelled: 'Вход отменён.',
      network: 'Нет связи с порталом. Проверьте интернет и повторите.',
      server: 'На портале произошла ошибка. Повторите позже.',
      insecure: 'Страница должна быть открыта по защищённому соединению (https).',
      'web-eid.extension_absent': 'Расширение Web eID не найдено. Установите его и обновите страницу.',
      'web-eid.native_absent': 'Программа Web eID не найдена. Установите её и повторите.',
      'web-eid.outdated': 'Программа или расширение Web eID устарели. Обновите их.',
      'web-eid.busy': 'Прошлый запрос к карте ещё открыт. Закройте его окно и повторите.',
      'web-eid.timeout': 'Карта не ответила вовремя. Вставьте карту и повторите.',
      'web-eid.failed': 'Программа карты сообщила об ошибке. Попробуйте вставить карту заново.',
      'ncalayer.absent': 'NCALayer не запущен. Запустите его и повторите.',
      'ncalayer.timeout': 'NCALayer не ответил вовремя. Повторите.',
      'ncalayer.closed': 'NCALayer прервал соединение. Повторите.',
      'ncalayer.failed': 'NCALayer не смог подписать. Проверьте ключ и пароль.',
      'phone.timeout': 'Время вышло. Откройте QR-код заново.',
      'login.token': 'Ответ не читается. Повторите.',
      'login.method': 'Портал не принимает этот способ входа.',
      'login.challenge': 'На этот запрос уже ответили, или он открыт в другом окне. Повторите.',
      'login.lifetime': 'Время вышло. Повторите.',
      'login.relying_party': 'Запрос был для другого портала. Вход остановлен.',
      'login.certificate': 'Сертификат не читается.',
      'login.algorithm': 'Этот алгоритм подписи не разрешён.',
      'login.key_role': 'Этот ключ не для входа. Выберите ключ аутентификации.',
      'login.policies': 'Портал не принимает такой сертификат.',
      'login.path': 'Издателю сертификата нет доверия, или срок сертификата истёк.',
      'login.status': 'Сертификат отозван, или его статус не удалось проверить.',
      'login.statement': 'Подписанный текст не совпадает с запросом.',
      'login.signature': 'Подпись не подтверждена. Проверьте адрес страницы.',
      'login.subject': 'В сертификате нет номера физического лица.',
      'login.assurance': 'Уровень доверия недостаточен для входа на портал.',
      'login.refused': 'Портал не разрешил вход.',
      'login.request_refused': 'Запрос пришёл не с этого портала. Проверьте адрес страницы.',
      'login.store_unavailable': 'Портал временно недоступен. Повторите позже.',
      'login.qr_frame_refused': 'QR-код устарел. Отсканируйте заново.',
    },
  },
  en: {
    title: 'Log in to the portal',
    lead: 'Choose how to log in',
    methods: 'Ways to log in',
    language: 'Language',
    cancel: 'Cancel',
    code: 'Code to compare',
    code_hint: 'The text that you sign must show this very code.',
    qr: 'QR code for a phone; it changes every second',
    done: 'Login confirmed',
    'web-eid': 'Smart card',
    'web-eid.hint': 'The Web eID extension and a card reader',
    'web-eid.busy': 'Enter your PIN in the window of the card program',
    ncalayer: 'NCALayer',
    'ncalayer.hint': 'A key file, a token or an ID card',
    'ncalayer.busy': 'Choose your authentication key in the NCALayer window',
    phone: 'Phone',
    'phone.hint': 'Scan a QR code with a signing app',
    'phone.busy': 'Scan the QR code with the app on your phone',
    'phone.scanned': 'The code was scanned. Confirm on your phone',
    'server.busy': 'The server is checking the answer',
    errors: {
      cancelled: 'The login was cancelled.',
      network: 'The portal cannot be reached. Check your connection and try again.',
      server: 'Something went wrong at the portal. Try again later.',
      insecure: 'The page must be opened over a secure connection (https).',
      'web-eid.extension_absent': 'The Web eID extension was not found. Install it and reload the page.',
      'web-eid.native_absent': 'The Web eID program was not found. Install it and try again.',
      'web-eid.outdated': 'The Web eID program or extension is out of date. Update it.',
      'web-eid.busy': 'An earlier request to the card is still open. Close its window and try again.',
      'web-eid.timeout': 'The card did not answer in time. Insert it and try again.',
      'web-eid.failed': 'The card program reported an error. Try inserting the card again.',
      'ncalayer.absent': 'NCALayer is not running. Start it and try again.',
      'ncalayer.timeout': 'NCALayer did not answer in time. Try again.',
      'ncalayer.closed': 'NCALayer closed the connection. Try again.',
      'ncalayer.failed': 'NCALayer could not sign. Check the key and its password.',
      'phone.timeout': 'Time ran out. Open the QR code again.',
      'login.token': 'The answer cannot be read. Try again.',
      'login.method': 'The portal does not take this way of logging in.',
      'login.challenge': 'This request was answered already, or opened in another window. Try again.',
      'login.lifetime': 'Time ran out. Try again.',
      'login.relying_party': 'The request was made for another portal. The login was stopped.',
      'login.certificate': 'The certificate cannot be read.',
      'login.algorithm': 'This signature algorithm is not allowed.',
      'login.key_role': 'This key is not for logging in. Choose an authentication key.',
      'login.policies': 'The portal does not take such a certificate.',
      'login.path': 'The issuer of the certificate is not trusted, or the certificate has expired.',
      'login.status': 'The certificate is revoked, or its status could not be checked.',
      'login.statement': 'What was signed is not what was asked.',
      'login.signature': 'The signature was not confirmed. Check the address of the page.',
      'login.subject': 'The certificate has no number of a natural person.',
      'login.assurance': 'The level of assurance is too low for this portal.',
      'login.refused': 'The portal did not let you in.',
      'login.request_refused': 'The request did not come from this portal. Check the address of the page.',
      'login.store_unavailable': 'The portal is unavailable for the moment. Try again later.',
      'login.qr_frame_refused': 'The QR code is too old. Scan it again.',
    },
  },
  tg: {
    title: 'Вуруд ба портал',
    lead: 'Тарзи вурудро интихоб кунед',
    methods: 'Тарзҳои вуруд',
    language: 'Забон',
    cancel: 'Бекор кардан',
    code: 'Рамз барои муқоиса',
    code_hint: 'Дар матни имзошаванда бояд айнан ҳамин рамз бошад.',
    qr: 'Рамзи QR барои телефон, ҳар сония иваз мешавад',
    done: 'Вуруд тасдиқ шуд',
    'web-eid': 'Корти зеҳнӣ',
    'web-eid.hint': 'Васеъкунии Web eID ва дастгоҳи хониши корт',
    'web-eid.busy': 'Рамзи PIN-ро дар равзанаи барномаи корт ворид кунед',
    ncalayer: 'NCALayer',
    'ncalayer.hint': 'Файли калид, токен ё шиноснома',
    'ncalayer.busy': 'Дар равзанаи NCALayer калиди аутентификатсияро интихоб кунед',
    phone: 'Телефон',
    'phone.hint': 'Рамзи QR-ро бо барномаи имзо скан кунед',
    'phone.busy': 'Рамзи QR-ро бо барномаи телефон скан кунед',
    'phone.scanned': 'Рамз скан шуд. Дар телефон тасдиқ кунед',
    'server.busy': 'Сервер ҷавобро месанҷад',
    errors: {
      cancelled: 'Вуруд бекор карда шуд.',
      network: 'Бо портал алоқа нест. Интернетро санҷида, такрор кунед.',
      server: 'Дар портал хато рӯй дод. Дертар такрор кунед.',
      insecure: 'Саҳифа бояд тавассути алоқаи ҳифзшуда (https) кушода шавад.',
      'web-eid.extension_absent': 'Васеъкунии Web eID ёфт нашуд. Онро насб карда, саҳифаро нав кунед.',
      'web-eid.native_absent': 'Барномаи Web eID ёфт нашуд. Онро насб карда, такрор кунед.',
      'web-eid.outdated': 'Барнома ё васеъкунии Web eID кӯҳна шудааст. Онро нав кунед.',
      'web-eid.busy': 'Дархости пешина ба корт ҳанӯз кушода аст. Равзанаашро пӯшида, такрор кунед.',
      'web-eid.timeout': 'Корт саривақт ҷавоб надод. Кортро гузошта, такрор кунед.',
      'web-eid.failed': 'Барномаи корт хато дод. Кортро аз нав гузоред.',
      'ncalayer.absent': 'NCALayer кор намекунад. Онро ба кор андохта, такрор кунед.',
      'ncalayer.timeout': 'NCALayer саривақт ҷавоб надод. Такрор кунед.',
      'ncalayer.closed': 'NCALayer алоқаро қатъ кард. Такрор кунед.',
      'ncalayer.failed': 'NCALayer имзо карда натавонист. Калид ва гузарвожаро санҷед.',
      'phone.timeout': 'Вақт тамом шуд. Рамзи QR-ро аз нав кушоед.',
      'login.token': 'Ҷавоб хонда нашуд. Такрор кунед.',
      'login.method': 'Портал ин тарзи вурудро қабул намекунад.',
      'login.challenge': 'Ба ин дархост аллакай ҷавоб дода шудааст ё он дар равзанаи дигар кушода аст. Такрор кунед.',
      'login.lifetime': 'Вақт тамом шуд. Такрор кунед.',
      'login.relying_party': 'Дархост барои портали дигар буд. Вуруд қатъ шуд.',
      'login.certificate': 'Сертификат хонда нашуд.',
      'login.algorithm': 'Ин алгоритми имзо иҷозат дода нашудааст.',
      'login.key_role': 'Ин калид барои вуруд нест. Калиди аутентификатсияро интихоб кунед.',
      'login.policies': 'Портал чунин сертификатро қабул намекунад.',
      'login.path': 'Ба барорандаи сертификат боварӣ нест ё мӯҳлати сертификат гузаштааст.',
      'login.status': 'Сертификат бозхонд шудааст ё вазъи онро санҷидан нашуд.',
      'login.statement': 'Матни имзошуда ба дархост мувофиқ нест.',
      'login.signature': 'Имзо тасдиқ нашуд. Нишонии саҳифаро санҷед.',
      'login.subject': 'Дар сертификат рақами шахси воқеӣ нест.',
      'login.assurance': 'Сатҳи эътимод барои вуруд ба портал кофӣ нест.',
      'login.refused': 'Портал ба вуруд иҷозат надод.',
      'login.request_refused': 'Дархост аз ин портал наомад. Нишонии саҳифаро санҷед.',
      'login.store_unavailable': 'Портал муваққатан дастрас нест. Дертар такрор кунед.',
      'login.qr_frame_refused': 'Рамзи QR кӯҳна шуд. Аз нав скан кунед.',
    },
  },
};

/** Why a login did not come about: `code` has a text in every language. */
export class EdsLoginError extends Error {
  constructor(code) {
    super(code);
    this.name = 'EdsLoginError';
    this.code = code;
  }
}

/** The text of an error code; of one that is not known, that something went wrong. */
export function errorText(code, language) {
  const errors = TEXTS[language].errors;
  return Object.hasOwn(errors, code) ? errors[code] : errors.server;
}

/**
 * A promise with a deadline that can be given up. `start(done, fail)` returns what ends its work,
 * which is called once, however it ends.
 */
function within(ms, late, signal, start) {
  return new Promise((resolve, reject) => {
    let stop = () => {};
    let ended = false;
    const end = (settle, value) => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      stop();
      settle(value);
    };
    const fail = (code) => end(reject, new EdsLoginError(code));
    const abort = () => fail('cancelled');
    const timer = setTimeout(() => fail(late), ms);
    signal.addEventListener('abort', abort);
    if (signal.aborted) {
      abort();
      return;
    }
    stop = start((value) => end(resolve, value), fail);
    if (ended) stop();
  });
}

// --- the Web eID extension -------------------------------------------------------------------------

const WEB_EID_CODES = {
  ERR_WEBEID_USER_CANCELLED: 'cancelled',
  ERR_WEBEID_USER_TIMEOUT: 'web-eid.timeout',
  ERR_WEBEID_ACTION_TIMEOUT: 'web-eid.timeout',
  ERR_WEBEID_ACTION_PENDING: 'web-eid.busy',
  ERR_WEBEID_EXTENSION_UNAVAILABLE: 'web-eid.extension_absent',
  ERR_WEBEID_NATIVE_UNAVAILABLE: 'web-eid.native_absent',
  ERR_WEBEID_VERSION_MISMATCH: 'web-eid.outdated',
  ERR_WEBEID_VERSION_INVALID: 'web-eid.outdated',
  ERR_WEBEID_CONTEXT_INSECURE: 'insecure',
};

/** Send the extension a message and wait until it has heard, and then until it has answered. */
function extension(action, fields, { ms, signal }) {
  return within(ms, 'web-eid.timeout', signal, (done, fail) => {
    const unheard = setTimeout(() => fail('web-eid.extension_absent'), Math.min(ms, EXTENSION_MS));
    const listen = ({ source, origin, data }) => {
      if (source !== window || origin !== location.origin) return;
      if (data?.action === `${action}-ack`) clearTimeout(unheard);
      if (data?.action === `${action}-success`) done(data);
      if (data?.action === `${action}-failure`) {
        const code = data.error?.code;
        fail(Object.hasOwn(WEB_EID_CODES, code ?? '') ? WEB_EID_CODES[code] : 'web-eid.failed');
      }
    };
    window.addEventListener('message', listen);
    window.postMessage({ action, libraryVersion: LIBRARY_VERSION, ...fields }, location.origin);
    return () => {
      clearTimeout(unheard);
      window.removeEventListener('message', listen);
    };
  });
}

/**
 * The token that the card makes for `nonce`, in JSON as it came. The extension adds the origin that
 * the browser shows. Throws EdsLoginError.
 */
export async function authenticateWithCard(nonce, { language, ms, signal }) {
  if (!window.isSecureContext) throw new EdsLoginError('insecure');
  await extension('web-eid:status', {}, { ms: NATIVE_MS, signal });
  const options = { lang: language, userInteractionTimeout: ms };
  const answer = await extension(
    'web-eid:authenticate',
    { challengeNonce: nonce, options },
    { ms: ms + NATIVE_MS, signal },
  );
  const { action: _, ...token } = answer;
  return JSON.stringify(token);
}

// --- NCALayer --------------------------------------------------------------------------------------

function ncaLayerRequest(asked, statement, language) {
  if (asked.module === 'kz.gov.pki.knca.basics') {
    return {
      module: asked.module,
      method: 'sign',
      args: {
        allowedStorages: null,
        format: 'cms',
        data: statement,
        signingParams: { decode: true, encapsulate: true, digested: false },
        signerParams: { extKeyUsageOids: asked.keyType === 'AUTHENTICATION' ? [CLIENT_AUTH] : [] },
        locale: language === 'tg' ? 'ru' : language,
      },
    };
  }
  return {
    module: 'kz.gov.pki.knca.commonUtils',
    method: 'createCAdESFromBase64',
    args: [asked.storage, asked.keyType, statement, true],
  };
}

/** The signature in NCALayer's reply: base64 of `commonUtils`, PEM of `basics`. */
function ncaLayerSignature(reply) {
  const { status, body, code, message, responseObject } = reply;
  if (status === true) {
    const result = Array.isArray(body?.result) ? body.result[0] : body?.result;
    if (result === undefined) throw new EdsLoginError('cancelled');
    if (typeof result === 'string') return result;
  } else if (String(code) === '200' && typeof responseObject === 'string') {
    return responseObject;
  } else if (/cancel/i.test(String(message ?? ''))) {
    throw new EdsLoginError('cancelled');
  }
  throw new EdsLoginError('ncalayer.failed');
}

/**
 * A CMS over `statement` (base64) with a key that NCALayer lets its user choose. Throws
 * EdsLoginError.
 */
export async function signWithNcaLayer(asked, statement, { language, ms, signal }) {
  let socket;
  try {
    await within(SOCKET_MS, 'ncalayer.absent', signal, (done, fail) => {
      socket = new WebSocket(NCALAYER);
      socket.onerror = () => fail('ncalayer.absent');
      socket.onclose = () => fail('ncalayer.absent');
      socket.onmessage = done; // its greeting
      return () => {};
    });
    return await within(ms, 'ncalayer.timeout', signal, (done, fail) => {
      socket.onerror = () => fail('ncalayer.closed');
      socket.onclose = () => fail('ncalayer.closed');
      socket.onmessage = ({ data }) => {
        if (data === '--heartbeat--') return;
        try {
          if (typeof data !== 'string' || data.length > LONGEST_REPLY) throw new TypeError();
          done(ncaLayerSignature(JSON.parse(data)));
        } catch (error) {
          fail(error instanceof EdsLoginError ? error.code : 'ncalayer.failed');
        }
      };
      socket.send(JSON.stringify(ncaLayerRequest(asked, statement, language)));
      return () => {};
    });
  } finally {
    if (socket) {
      socket.onmessage = socket.onerror = socket.onclose = null;
      socket.close();
    }
  }
}

// --- the portal ------------------------------------------------------------------------------------

/** POST to the portal; its JSON. Throws EdsLoginError with the code of its problem. */
async function post(url, { body = '', type = 'application/json', signal }) {
  let response;
  let said;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': type, accept: 'application/json' },
      body,
      signal,
      cache: 'no-store',
      credentials: 'same-origin',
      redirect: 'error',
      referrerPolicy: 'same-origin',
    });
    said = await response.json();
  } catch {
    if (signal.aborted) throw new EdsLoginError('cancelled');
    throw new EdsLoginError(response ? 'server' : 'network');
  }
  if (!response.ok) throw new EdsLoginError(typeof said?.code === 'string' ? said.code : 'server');
  return said;
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(new EdsLoginError('cancelled'));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal.addEventListener('abort', abort, { once: true });
  });
}

// --- what is seen ----------------------------------------------------------------------------------

const SVG = 'http://www.w3.org/2000/svg';
const ICONS = {
  'web-eid': 'M3 6h18v12H3zM3 10h18M6.5 14.5h4',
  ncalayer: 'M14.5 13a4.5 4.5 0 1 0-4.2-2.8L4 16.5V20h3.5v-2.2h2.2v-2.2h2l.9-.9c.6.2 1.2.3 1.9.3zM16 7.5h.01',
  phone: 'M8 3h8v18H8zM11 18h2',
};

function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function drawing(box, path, attributes) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', box);
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
  const line = document.createElementNS(SVG, 'path');
  line.setAttribute('d', path);
  svg.append(line);
  return svg;
}

/** A QR code from its rows, each a string of 0 and 1, with the quiet zone of four modules. */
function qrCode(rows, label) {
  let path = '';
  rows.forEach((row, y) => {
    for (const { index, 0: dark } of row.matchAll(/1+/g)) {
      path += `M${index + 4} ${y + 4}h${dark.length}v1h-${dark.length}z`;
    }
  });
  const side = rows.length + 8;
  return drawing(`0 0 ${side} ${side}`, path, {
    class: 'eds-qr',
    role: 'img',
    'aria-label': label,
    'shape-rendering': 'crispEdges',
  });
}

const Base = globalThis.HTMLElement ?? class {};

/**
 * The box in which somebody logs in. Attributes: `base` (path of the doors, /login), `methods`
 * (web-eid, ncalayer, phone), `audience`, `lang`. When somebody is let in the event `eds-login`
 * bears the portal's answer; unless it is prevented the page goes to its `location`, if that is of
 * this origin.
 */
export class EdsLogin extends Base {
  #language = 'kk';
  #running = null;
  #failed = null;
  #used = null;

  connectedCallback() {
    const wanted = (this.lang || document.documentElement.lang || navigator.language).slice(0, 2);
    if (LANGUAGES.includes(wanted)) this.#language = wanted;
    this.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#running?.abort();
    });
    this.#choose();
  }

  disconnectedCallback() {
    this.#running?.abort();
  }

  #url(door) {
    const url = new URL(`${this.getAttribute('base') || '/login'}/${door}`, document.baseURI);
    if (url.origin !== location.origin) throw new EdsLoginError('login.request_refused');
    return url;
  }

  #show(...children) {
    const texts = TEXTS[this.#language];
    const languages = LANGUAGES.map((language) => {
      const button = make('button', { type: 'button', lang: language }, LANGUAGE_NAMES[language]);
      button.setAttribute('aria-pressed', String(language === this.#language));
      button.disabled = this.#running !== null;
      button.addEventListener('click', () => {
        this.#language = language;
        this.#choose();
        this.querySelector(`.eds-languages [lang=${language}]`).focus();
      });
      return button;
    });
    this.lang = this.#language;
    this.setAttribute('aria-busy', String(this.#running !== null));
    this.replaceChildren(
      make('div', { class: 'eds-languages', role: 'group', 'aria-label': texts.language }, ...languages),
      make('p', { class: 'eds-audience' }, this.getAttribute('audience') || location.host),
      make('h1', {}, texts.title),
      ...children,
    );
  }

  #choose() {
    const texts = TEXTS[this.#language];
    const offered = (this.getAttribute('methods') || 'web-eid').split(/\s+/);
    const buttons = offered
      .filter((method) => Object.hasOwn(ICONS, method))
      .map((method) => {
        const button = make(
          'button',
          { type: 'button', class: 'eds-method', 'data-method': method },
          drawing('0 0 24 24', ICONS[method], { 'aria-hidden': 'true' }),
          make('span', {}, make('b', {}, texts[method]), make('small', {}, texts[`${method}.hint`])),
        );
        button.addEventListener('click', () => this.#run(method));
        return button;
      });
    const told = make('p', { class: 'eds-error', role: 'alert' });
    this.#show(
      make('p', { class: 'eds-lead' }, texts.lead),
      told,
      make('div', { class: 'eds-methods', role: 'group', 'aria-label': texts.methods }, ...buttons),
    );
    // An alert is read out when its text comes, not when it is there from the beginning.
    if (this.#failed) {
      told.dataset.code = this.#failed;
      told.append(errorText(this.#failed, this.#language), make('code', {}, this.#failed));
    }
    if (this.#used) this.querySelector(`[data-method=${this.#used}]`)?.focus();
  }

  #wait(method) {
    const texts = TEXTS[this.#language];
    const cancel = make('button', { type: 'button', class: 'eds-cancel' }, texts.cancel);
    cancel.addEventListener('click', () => this.#running?.abort());
    const status = make('p', { class: 'eds-status', role: 'status' });
    const picture = make('div', { class: 'eds-picture' }, make('span', { class: 'eds-spinner' }));
    const code = make('div', { class: 'eds-code', 'aria-live': 'polite', hidden: '' });
    this.#show(picture, status, code, cancel);
    cancel.focus();
    return {
      say: (key) => {
        if (status.textContent !== texts[key]) status.textContent = texts[key];
      },
      draw: (rows) => picture.replaceChildren(qrCode(rows, texts.qr)),
      rest: () => picture.replaceChildren(make('span', { class: 'eds-spinner' })),
      compare: (digits) => {
        code.hidden = false;
        code.replaceChildren(
          make('span', {}, texts.code),
          make('strong', {}, `${digits.slice(0, 3)} ${digits.slice(3)}`),
          make('small', {}, texts.code_hint),
        );
      },
    };
  }

  async #run(method) {
    if (this.#running) return;
    this.#running = new AbortController();
    this.#failed = null;
    this.#used = method;
    const { signal } = this.#running;
    const view = this.#wait(method);
    let answer;
    try {
      answer = method === 'phone' ? await this.#phone(view, signal) : await this.#here(method, view, signal);
    } catch (error) {
      this.#failed = error instanceof EdsLoginError ? error.code : 'server';
    }
    this.#running = null;
    if (!this.isConnected) return;
    if (this.#failed) this.#choose();
    else this.#enter(answer);
  }

  async #here(method, view, signal) {
    view.say('server.busy');
    const challenge = await post(this.#url('challenge'), { signal });
    const asked = { language: this.#language, ms: challenge.seconds * 1000, signal };
    view.say(`${method}.busy`);
    let token;
    if (method === 'web-eid') {
      token = await authenticateWithCard(challenge.nonce, asked);
    } else {
      view.compare(challenge.code);
      token = await signWithNcaLayer(challenge.ncalayer, challenge.ncalayer.statement, asked);
    }
    view.say('server.busy');
    const type = method === 'web-eid' ? 'application/json' : 'application/cms';
    return post(this.#url('token'), { body: token, type, signal });
  }

  async #phone(view, signal) {
    let said = await post(this.#url('qr'), { signal });
    const until = performance.now() + said.seconds * 1000;
    let scanned = false;
    view.say('phone.busy');
    for (;;) {
      if (said.state === 'scanned') {
        scanned = true;
        view.rest();
        view.say('phone.scanned');
        view.compare(said.code);
      } else if (said.state !== 'waiting') {
        return said; // the portal's own answer
      } else if (!scanned) {
        view.draw(said.modules);
      }
      if (performance.now() > until) throw new EdsLoginError('phone.timeout');
      await pause(FRAME_MS, signal);
      said = await post(this.#url('qr/next'), { signal });
    }
  }

  #enter(answer) {
    this.#show(
      make('div', { class: 'eds-picture' }, drawing('0 0 24 24', 'M4 12.5l5.5 5.5L20 7', { class: 'eds-tick', 'aria-hidden': 'true' })),
      make('p', { class: 'eds-status', role: 'status' }, TEXTS[this.#language].done),
    );
    const event = new CustomEvent('eds-login', { bubbles: true, cancelable: true, detail: answer });
    if (!this.dispatchEvent(event) || typeof answer?.location !== 'string') return;
    const url = new URL(answer.location, document.baseURI);
    if (url.origin === location.origin) location.assign(url);
  }
}

globalThis.customElements?.define('eds-login', EdsLogin);
