import eu.europa.esig.dss.model.DSSDocument;
import eu.europa.esig.dss.model.FileDocument;
import eu.europa.esig.dss.model.x509.CertificateToken;
import eu.europa.esig.dss.simplereport.SimpleReport;
import eu.europa.esig.dss.spi.DSSUtils;
import eu.europa.esig.dss.spi.validation.CommonCertificateVerifier;
import eu.europa.esig.dss.spi.x509.CommonTrustedCertificateSource;
import eu.europa.esig.dss.spi.x509.revocation.crl.ExternalResourcesCRLSource;
import eu.europa.esig.dss.validation.SignedDocumentValidator;
import java.io.File;
import java.util.Date;
import java.util.List;

/** One line for each signature: file, indication, sub-indication, format and level. Offline. */
public class Judge {
    public static void main(String[] arguments) throws Exception {
        File folder = new File(arguments[0]);
        Date at = new Date(Long.parseLong(arguments[1]) * 1000);
        File[] files = folder.listFiles(
            (where, name) -> name.endsWith(".p7s") || name.endsWith(".p7m") || name.endsWith(".pdf"));
        java.util.Arrays.sort(files);
        for (File file : files) {
            CommonTrustedCertificateSource trusted = new CommonTrustedCertificateSource();
            CertificateToken root = DSSUtils.loadCertificate(new File(folder, "root.cer"));
            trusted.addCertificate(root);
            CommonCertificateVerifier verifier = new CommonCertificateVerifier();
            verifier.setTrustedCertSources(trusted);
            verifier.setAIASource(null);
            verifier.setCrlSource(
                new ExternalResourcesCRLSource(new FileDocument(new File(folder, "root.crl"))));
            DSSDocument document = new FileDocument(file);
            SignedDocumentValidator validator = SignedDocumentValidator.fromDocument(document);
            if (file.getName().endsWith(".p7s")) {
                validator.setDetachedContents(List.of(new FileDocument(new File(folder, "content"))));
            }
            validator.setCertificateVerifier(verifier);
            validator.setValidationTime(at);
            SimpleReport report = validator.validateDocument().getSimpleReport();
            for (String id : report.getSignatureIdList()) {
                System.out.println(String.join("\t", file.getName(),
                    String.valueOf(report.getIndication(id)),
                    String.valueOf(report.getSubIndication(id)),
                    String.valueOf(report.getSignatureFormat(id)),
                    String.valueOf(report.getAdESValidationErrors(id).stream()
                        .map(one -> one.getValue()).toList())));
            }
        }
    }
}
