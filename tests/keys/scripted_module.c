/* A PKCS #11 module that does what a script says: it hands all calls on to SoftHSM and answers
   some of them itself.

   SCRIPT_REAL   the module behind this one
   SCRIPT_RULES  lines `name value`, read at every call from this file:
                   flags N       these CK_TOKEN_INFO flags are set as well
                   login N       C_Login of the user answers N and the PIN goes nowhere
                   sign N M      the next N calls of C_Sign answer M
                   removed N     the next N calls of C_Sign answer DEVICE_REMOVED, and the login
                                 and every session are gone
                   cant_lock 1   C_Initialize with arguments answers CKR_CANT_LOCK
                   odd 1         signatures lose their last octet
                   sessions N    no more than N sessions
   SCRIPT_LOG    a line for every C_Initialize, C_Login and C_Sign */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long N;
typedef N (*any)();

/* CK_FUNCTION_LIST: a version, then 68 functions in the standard's order. */
struct list { unsigned char major, minor; any functions[68]; };
struct token { unsigned char texts[96]; N flags; N rest[16]; };

static struct list mine, *real;
static N signs_left = 0, signs_answer = 0, removed_left = 0, open_sessions = 0;
static int armed = 0;

static N rule(const char *wanted, N *second) {
    char name[64];
    N value = 0, other = 0, found = 0;
    char line[256];
    FILE *file = fopen(getenv("SCRIPT_RULES"), "r");
    if (!file) return 0;
    while (fgets(line, sizeof line, file)) {
        other = 0;
        if (sscanf(line, "%63s %lu %lu", name, &value, &other) >= 2 && !strcmp(name, wanted)) {
            found = value;
            if (second) *second = other;
        }
    }
    fclose(file);
    return found;
}

static void note(const char *text, N value) {
    FILE *file = fopen(getenv("SCRIPT_LOG"), "a");
    if (!file) return;
    fprintf(file, "%s %lu\n", text, value);
    fclose(file);
}

static N initialize(void *arguments) {
    note("initialize", arguments != NULL);
    if (arguments && rule("cant_lock", NULL)) return 0x0A;
    return real->functions[0](arguments);
}

static N get_token_info(N slot, struct token *info) {
    N answer = real->functions[6](slot, info);
    if (!answer) info->flags |= rule("flags", NULL);
    return answer;
}

static N open_session(N slot, N flags, void *a, void *b, N *handle) {
    N most = rule("sessions", NULL), answer;
    if (most && open_sessions >= most) return 0xB1;
    answer = real->functions[12](slot, flags, a, b, handle);
    if (!answer) open_sessions++;
    return answer;
}

static N close_session(N session) {
    N answer = real->functions[13](session);
    if (!answer) open_sessions--;
    return answer;
}

static N login(N session, N user, unsigned char *pin, N size) {
    N answer = rule("login", NULL);
    note("login", user);
    return answer ? answer : real->functions[18](session, user, pin, size);
}

static N sign(N session, unsigned char *data, N size, unsigned char *out, N *length) {
    N answer;
    if (!out) return real->functions[43](session, data, size, out, length);
    note("sign", 0);
    if (!armed) {
        armed = 1;
        signs_left = rule("sign", &signs_answer);
        removed_left = rule("removed", NULL);
    }
    if (removed_left) {
        struct { N slot, state, flags, error; } info;
        removed_left--;
        real->functions[15](session, &info);
        real->functions[14](info.slot);
        open_sessions = 0;
        return 0x32;
    }
    if (signs_left) {
        signs_left--;
        return signs_answer;
    }
    answer = real->functions[43](session, data, size, out, length);
    if (!answer && rule("odd", NULL)) --*length;
    return answer;
}

N C_GetFunctionList(struct list **out) {
    if (!real) {
        void *library = dlopen(getenv("SCRIPT_REAL"), RTLD_NOW | RTLD_LOCAL);
        N (*get)(struct list **) = library ? dlsym(library, "C_GetFunctionList") : NULL;
        if (!get || get(&real)) return 0x05;
        mine = *real;
        mine.functions[0] = (any)initialize;
        mine.functions[3] = (any)C_GetFunctionList;
        mine.functions[6] = (any)get_token_info;
        mine.functions[12] = (any)open_session;
        mine.functions[13] = (any)close_session;
        mine.functions[18] = (any)login;
        mine.functions[43] = (any)sign;
    }
    *out = &mine;
    return 0;
}
